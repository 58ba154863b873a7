// Maps side by side on one page: what one is asked, the others show, without the server.

/** @import {LatentMap} from "./map.js" */
/** @import {Bytes, Group, Point, Rectangle} from "./types.d.ts" */
/** @typedef {{ id: number } | { z: number[], dim: number }} Echo a digit, or a place, that another map is asked about */
/** @typedef {{ id: number | null, coords: Point }} Focus the digit that is meant, and the place */

/** @type {Map<string, Set<LatentMap>>} */
const groups = new Map(); // name -> Set of maps

export class Membership {
  /** @param {LatentMap} map */
  constructor(map) {
    this.map = map;
    /** @type {Echo | null} */
    this.echo = null;
    /** @type {string | undefined} */
    this.name = undefined;
    this.isViewShared = false;
    this.source = false; // whether the others echo this one
  }

  /** @param {Group | null} word */
  join(word) {
    if (this.name !== word?.name) this.leave();
    this.name = word?.name;
    this.isViewShared = Boolean(word?.isViewShared);
    if (!word) return;
    const maps = groups.get(word.name) ?? new Set();
    groups.set(word.name, maps.add(this.map));
  }

  leave() {
    this.ask(null);
    groups.get(this.name ?? "")?.delete(this.map);
    this.name = undefined;
  }

  get all() {
    return [...(groups.get(this.name ?? "") ?? [this.map])];
  }

  get others() {
    return this.all.filter((map) => map !== this.map);
  }

  // ---- what is pointed at

  // Tells the others of a place under this map's pointer or cursor; null when there is none.
  /** @param {Focus | null} focus */
  ask(focus) {
    if (!focus && !this.source) return;
    this.source = Boolean(focus);
    const echo = focus && this.echoOf(focus);
    for (const map of this.others) {
      map.group.echo = echo;
      map.schedule();
    }
  }

  /** @param {Focus} focus @returns {Echo} */
  echoOf({ id, coords }) {
    const { map } = this;
    return id === null ? { z: map.toLatent(coords), dim: map.decoder.latent_dim } : { id };
  }

  // Where the echo lies on this map: coords and id; null where it has no such digit or z.
  /** @returns {{ coords: Point, id: number | null } | null} */
  heard() {
    const { map, echo } = this;
    if (!echo || map.isWaiting) return null;
    if ("id" in echo) {
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

  /** @param {Bytes} marks */
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
/** @param {Rectangle[]} rectangles */
function union(rectangles) {
  const of = (/** @type {number} */ i) => rectangles.map((rectangle) => rectangle[i]);
  return /** @type {Rectangle} */ (
    [0, 1, 2, 3].map((i) => (i % 2 ? Math.max : Math.min)(...of(i)))
  );
}
