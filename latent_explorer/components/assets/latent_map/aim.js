// What a map is asked about, by pointer, by keys, by a map beside it or by its pin: the lens shows
// it, and a click or Enter pins it.

import { dotLook } from "./cloud.js";
import { distance } from "./geometry.js";
import { moveTo } from "./lens.js";
import { THUMBNAIL } from "./overlay.js";
import { rowAt } from "./pointing.js";
import { valueOf } from "./points_look.js";

/** @import {LatentMap} from "./map.js" */
/** @import {Pin, Point} from "./types.d.ts" */
/** @typedef {{ px: Point, coords: Point, id: number | null, isLive: boolean }} Focus a place of the
 *   map, the digit there if one is meant, and whether a pointer or the keys' cursor is there */

export class Aim {
  /** @param {LatentMap} map */
  constructor(map) {
    this.map = map;
  }

  // The pointer, else the keys' cursor, else what a map beside this one is asked, else the pin.
  /** @returns {Focus | null} */
  focus() {
    const { map } = this;
    if (map.isWaiting) return null;
    const { hover, cursor } = map.input;
    const { camera } = map;
    if (hover) return { px: hover, coords: camera.toPlane(hover), id: null, isLive: true };
    if (cursor) return { px: camera.toPx(cursor), coords: cursor, id: null, isLive: true };
    const meant = map.group.heard() ?? map.pin;
    if (!meant) return null;
    const px = camera.toPx(meant.coords);
    const { width, height } = map.size;
    const isInside = px[0] >= 0 && px[1] >= 0 && px[0] <= width && px[1] <= height;
    return isInside ? { ...meant, px, isLive: false } : null;
  }

  // Brings lens, hairs and ring to where the map is asked.
  refresh() {
    const { map } = this;
    const { across, down, ring } = map.parts;
    const focus = this.focus();
    const isLive = Boolean(focus?.isLive);
    map.drag.lookAt(focus && isLive ? focus.px : null);
    across.hidden = down.hidden = !isLive;
    if (!focus || map.drag.isHeld || (map.shape && map.input.hover)) {
      map.group.ask(null);
      ring.hidden = across.hidden = down.hidden = true;
      map.lens.hide();
      return;
    }
    const { px, coords } = focus;
    const { near, isMeant } = this.nearestTo(focus);
    map.group.ask(isLive ? { id: near && isMeant ? near.id : null, coords } : null);
    this.showLens(focus, near);
    moveTo(across, 0, px[1]);
    moveTo(down, px[0], 0);
    const at = near && map.coordsOf(near.id);
    ring.hidden = !isLive || !at;
    if (!isLive || !at) return;
    moveTo(ring, ...map.camera.toPx(at));
    const isFraming = map.scene.hidden?.has(near.id - map.points.first_id);
    ring.classList.toggle("framing", Boolean(isFraming));
    ring.classList.toggle("meant", isMeant);
  }

  /** @param {Focus} focus @param {{ id: number, distance: number } | null} near */
  showLens({ px, coords }, near) {
    const { map } = this;
    const { lens, parts, decoder, names, theme } = map;
    const isPin = coords === map.pin?.coords;
    const about = {
      coords,
      z: decoder.latent_dim === 2 ? map.toLatent(coords) : null,
      near,
      name: near ? map.describe(near.id) : "",
      pile: near ? this.pileOf(near.id).length : 0,
      value: near ? valueOf(near.id, map.colour, map.numbers) : "",
      decoder,
      names,
      isSample: map.settings.isSample,
      theme,
    };
    lens.show(about, isPin && !map.rests);
    const { width, height } = map.size;
    const bottom = parts.legends.hidden ? height : parts.legends.offsetTop;
    const room = { width, height, right: parts.toolbar.offsetLeft, bottom };
    if (!isPin) {
      const isTouch = Boolean(map.input.hover) && map.input.pointer === "touch";
      lens.follow(px, room, isTouch);
      return;
    }
    lens.rest(px, room, ([left, top, right, low]) => {
      const [x0, y1] = map.camera.toPlane([left, top]);
      const [x1, y0] = map.camera.toPlane([right, low]);
      return map.points.index.crowd([x0, x1, y0, y1]);
    });
  }

  // ---- which digit

  // The row of the digit that a place of the map means, null for bare latent space.
  /** @param {Point} px @param {string} pointer */
  rowAt(px, pointer) {
    const { camera, points, scene, size } = this.map;
    const shorter = Math.min(size.width, size.height);
    const hasDots = scene.shown("points").length > 0;
    return rowAt(px, pointer, {
      thumbnails: scene.thumbnails,
      side: THUMBNAIL.side,
      radius: hasDots ? dotLook(points.n, shorter, camera.magnification).radius : null,
      nearest: (reach) => {
        const near = points.index.nearest(camera.toPlane(px), reach * camera.unitsPerPx);
        return near && near.row;
      },
    });
  }

  // The digit that is meant, else the nearest: a pinned digit is the one nearest to itself,
  // wherever others lie, and so is one whose dot is pointed at.
  /** @param {Focus} focus */
  nearestTo({ px, coords, id, isLive }) {
    const { map } = this;
    const row = isLive ? this.rowAt(px, map.input.pointer) : null;
    const meant = row === null ? id : row + map.points.first_id;
    const at = meant === null ? null : map.coordsOf(meant);
    return meant !== null && at
      ? { near: { id: meant, distance: distance(at, coords) }, isMeant: true }
      : { near: map.points.index.nearest(coords), isMeant: false };
  }

  // The digits that no zoom can tell apart from one, by id: itself at least.
  /** @param {number} id @returns {number[]} */
  pileOf(id) {
    const { points } = this.map;
    const at = this.map.coordsOf(id);
    if (!at) return [id];
    return points.index.around(at, points.apart).map((row) => row + points.first_id);
  }

  // ---- the pin

  // Pins the digit on whose dot a place lies, else the place itself.
  /** @param {Point} coords @param {string} pointer */
  pick(coords, pointer) {
    const { map } = this;
    const row = this.rowAt(map.camera.toPx(coords), pointer);
    const id = row === null ? null : row + map.points.first_id;
    this.pin({ coords: (id === null ? null : map.coordsOf(id)) ?? coords, id });
  }

  // Pins the next digit, or the one before, of those that lie where the pinned one does.
  /** @param {number} step */
  turnPile(step) {
    const { map } = this;
    const { pin } = map;
    if (!pin || pin.id === null) return;
    const pile = this.pileOf(pin.id);
    if (pile.length < 2) {
      map.announce("No other digit lies here");
      return;
    }
    const id = pile[(pile.indexOf(pin.id) + step + pile.length) % pile.length];
    map.input.cursor = null;
    this.pin({ coords: map.coordsOf(id) ?? pin.coords, id });
  }

  // Shown at once; Python's answer replaces it.
  /** @param {Pin} pin */
  pin(pin) {
    this.map.pin = pin;
    this.map.setTriggerValue("pick", pin);
    this.map.schedule(true);
  }

  release() {
    const { map } = this;
    if (!map.pin || !map.state.releases) return;
    map.pin = null;
    map.setTriggerValue("release", true);
    map.schedule(true);
  }
}
