// Paints a map on whatever canvas, at whatever scale: what lies under the overlay, and the overlay.

import { fromPixel, toCss } from "../shared/theme.js";
import { Cloud } from "./cloud.js";
import { classRegions, Fields, outlinesLegend, paintOutlines, turned } from "./fields.js";
import { Mosaic } from "./mosaic.js";
import { axesTicks, fitThumbnails, Overlay, paintGrid, Sprites } from "./overlay.js";
import { sheetOf } from "./store.js";
import { holds } from "./vocabulary.js";

/** @import {LatentMap} from "./map.js" */
/** @import {Kind, Legend, PaintView, Pen, Region, SizedView} from "./types.d.ts" */
/** @import {Thumbnail, Ticks} from "./overlay.js" */

export class Scene {
  /** @param {LatentMap} map */
  constructor(map) {
    this.map = map;
    this.cloud = new Cloud();
    this.fields = new Fields();
    this.sprites = new Sprites();
    this.mosaic = new Mosaic(
      () => map.schedule(true),
      (problem) => map.controls.complain([problem]),
    );
    /** @type {Ticks} */
    this.ticks = { x: [], y: [] };
    /** @type {Thumbnail[] | null} */
    this.thumbnails = null;
    /** @type {Set<number> | null} */
    this.hidden = null; // rows that thumbnails stand in for
    /** @type {ReturnType<typeof paintOutlines>} */
    this.rings = []; // labels of the outlines
  }

  // What both paintings need to know of a view.
  /** @param {SizedView} view */
  prepare(view) {
    this.ticks = axesTicks(view);
    this.thumbnails = this.findThumbnails(view);
    this.hidden = this.thumbnails && new Set(this.thumbnails.map(([row]) => row));
  }

  // Layers of a kind that are on.
  /** @param {Kind} kind */
  shown(kind) {
    return this.map.shown.filter((layer) => layer.kind === kind);
  }

  // Layers of outlines that are on and here.
  get outlined() {
    const { fieldsPayload: fields } = this.map;
    return fields ? this.shown("outlines").filter((layer) => holds(fields, layer)) : [];
  }

  // Of everything in sight that has a scale or a code of colours.
  legends() {
    const { shown, pointsLook, fieldsPayload: fields, theme } = this.map;
    const found = this.shown("points").length && pointsLook.legend ? [pointsLook.legend] : [];
    found.push(...this.stopsLegend());
    if (!fields) return found;
    for (const layer of shown) {
      const image = this.fields.imageOf(layer, fields, theme);
      if (image) found.push(image.legend);
    }
    return [...found, ...this.outlined.map((layer) => outlinesLegend(layer, fields))];
  }

  // Of a walk that has way-points: A and B by themselves need no words.
  /** @returns {Legend[]} */
  stopsLegend() {
    const { state, theme } = this.map;
    const { marks } = state;
    if (!marks.some(({ isOnWay }) => isOnWay)) return [];
    const item = (/** @type {boolean} */ isOnWay, /** @type {string} */ what) => ({
      colour: theme.ink,
      isDiamond: isOnWay,
      text: `${marks
        .filter((mark) => mark.isOnWay === isOnWay)
        .map(({ text }) => text)
        .join(", ")}: ${what}`,
    });
    const items = [item(false, "ends"), item(true, "way-points, in order")];
    return [{ title: "The walk", said: "", items }];
  }

  // Paper, fields, grid, points: all that lies under the overlay. Returns whether it is final.
  /** @param {Pen} pen @param {PaintView} view @param {boolean} mayStretch */
  base(pen, view, mayStretch, cloud = this.cloud) {
    const { shown, fieldsPayload: fields, points, root, state } = this.map;
    const { turn } = state; // of what was computed on the plane before it was turned
    pen.setTransform(1, 0, 0, 1, 0, 0);
    pen.fillStyle = toCss(view.theme.paper);
    pen.fillRect(0, 0, view.width * view.ratio + 1, view.height * view.ratio + 1);
    for (const layer of shown) {
      if (layer.kind === "mosaic") {
        const isDone = this.mosaic.paint(pen, view);
        root.dataset.mosaic = isDone ? "complete" : "decoding";
      } else if (fields) this.fields.paint(pen, layer, fields, { ...view, turn });
    }
    paintGrid(pen, view, this.ticks);
    this.rings = this.outlined.flatMap(({ name }) =>
      paintOutlines(pen, fields?.outlines[name] ?? [], { ...view, turn }),
    );
    if (!this.shown("points").length) return true;
    return cloud.paint(pen, points, view, this.dots(), mayStretch);
  }

  // How the dots look now, with those left out whose thumbnails stand in for them.
  dots() {
    const { marks, marksName, pointsLook: look } = this.map;
    const { hidden } = this;
    const name = `${look.name}/${marksName}/${hidden ? [...hidden] : ""}`;
    return { ...look, name, front: marks ?? look.front, isDimming: Boolean(marks), hidden };
  }

  // Thumbnails that fit; null for none. Pictures that are missing are asked for.
  /** @param {SizedView} view */
  findThumbnails(view) {
    const { points, wants } = this.map;
    if (!this.shown("thumbnails").length) return null;
    /** @type {Set<number>} */
    const missing = new Set();
    const shown = fitThumbnails(points, view, missing);
    if (missing.size) wants.sheets(new Set([...missing].map(sheetOf)));
    return shown?.length ? shown : null;
  }

  /** @param {Pen} pen @param {PaintView} view */
  overlay(pen, view) {
    const { state, points, pin, shape, names, marks, fieldsPayload: fields, drag } = this.map;
    const overlay = new Overlay(pen, view);
    if (this.thumbnails) {
      const { classes, colours } = this.map.pointsLook;
      overlay.thumbnails(this.thumbnails, {
        sprite: (row) => this.sprites.of(row + points.first_id, view.theme),
        frame: (row) => toCss(fromPixel(colours[classes[row]])),
        isDim: (row) => marks !== null && !marks[row],
      });
    }
    overlay.axes(this.ticks, names.slice(1));
    if (this.shown("labels").length) overlay.medoids(points.medoids);
    /** @type {(region: Region) => Region} */
    const place = ([label, x, y, radius]) => [label, ...turned([x, y], state.turn), radius];
    for (const layer of this.shown("classes")) {
      if (fields && holds(fields, layer)) overlay.regions(classRegions(fields, layer).map(place));
    }
    overlay.rings(this.rings);
    if (!drag.moving) for (const line of state.lines) overlay.line(line);
    const path = drag.live ?? (drag.moving ? null : state.path?.points);
    if (path) overlay.path(path);
    if (drag.stepCoords) overlay.step(drag.stepCoords);
    if (state.ellipse) overlay.ellipse(state.ellipse);
    for (const id of state.highlight) {
      const coords = this.map.coordsOf(id);
      if (coords) overlay.highlight(coords);
    }
    for (const mark of drag.marks) overlay.mark(mark);
    if (pin) overlay.pin(pin, state.ellipse);
    if (shape) overlay.shape(shape.polygon);
  }
}
