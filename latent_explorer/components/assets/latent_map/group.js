// Maps side by side on one page: what one is asked, the others show, without the server.

import { REACH_MOUSE } from "./input.js";

const groups = new Map(); // name -> Set of maps

export class Membership {
  constructor(map) {
    this.map = map;
    this.echo = null; // { id } of a digit or { z } of a place that another map is asked about
    this.source = false; // whether the others echo this one
  }

  join(word) {
    if (this.name !== word?.name) this.leave();
    Object.assign(this, { name: word?.name, isViewShared: Boolean(word?.isViewShared) });
    if (!word) return;
    if (!groups.has(word.name)) groups.set(word.name, new Set());
    groups.get(word.name).add(this.map);
  }

  leave() {
    this.ask(null);
    groups.get(this.name)?.delete(this.map);
    this.name = undefined;
  }

  get all() {
    return [...(groups.get(this.name) ?? [this.map])];
  }

  get others() {
    return this.all.filter((map) => map !== this.map);
  }

  // ---- what is pointed at

  // Tells the others of a place under this map's pointer or cursor; null when there is none.
  ask(focus) {
    if (!focus && !this.source) return;
    this.source = Boolean(focus);
    const echo = focus && this.echoOf(focus);
    for (const map of this.others) {
      map.group.echo = echo;
      map.schedule();
    }
  }

  echoOf({ near, coords }) {
    const { map } = this;
    const isMeant = near && near.distance <= REACH_MOUSE * map.camera.unitsPerPx;
    return isMeant ? { id: near.id } : { z: map.toLatent(coords), dim: map.decoder.latent_dim };
  }

  // Where the echo lies on this map: coords and id; null where it has no such digit or z.
  heard() {
    const { map, echo } = this;
    if (!echo || map.isWaiting) return null;
    if (echo.id !== undefined) {
      const coords = map.coordsOf(echo.id);
      return coords && { coords, id: echo.id };
    }
    if (echo.dim !== map.decoder.latent_dim) return null; // its z is another space's
    return { coords: map.toPlanePoint(echo.z), id: null };
  }

  // ---- view

  // Gives the others this map's view.
  share() {
    if (!this.isViewShared) return;
    const { x, y, span, isFitted } = this.map.camera;
    for (const map of this.others) {
      if (!map.points || !map.group.isViewShared) continue;
      map.motion = null;
      map.camera.look({ x, y, span });
      map.camera.isFitted = isFitted;
      map.schedule(true);
    }
  }

  // Aims all cameras anew, after one map's digits came or the view became shared or free: maps
  // with one view must all fit into it.
  aim() {
    const ready = this.all.filter((map) => map.points);
    for (const map of ready) {
      const seen = this.isViewShared ? ready.map(({ points }) => points) : [map.points];
      const extent = union(seen.map((points) => points.extent));
      const bounds = union(seen.map((points) => points.index.bounds));
      map.camera.aim({ id: map.points.id, extent, index: { bounds } });
      map.schedule(true);
    }
    ready[0].group.share();
  }

  // ---- selection

  shareMarks(marks) {
    for (const map of this.others) {
      if (map.points?.n !== marks.length || map.points.first_id !== this.map.points.first_id)
        continue;
      map.setMarks(marks);
      map.refresh();
    }
  }
}

// The rectangle x0, x1, y0, y1 round several.
function union(rectangles) {
  const of = (i) => rectangles.map((rectangle) => rectangle[i]);
  return [0, 1, 2, 3].map((i) => (i % 2 ? Math.max : Math.min)(...of(i)));
}
