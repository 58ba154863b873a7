// The map's payloads, as components/latent_map/payload.py packs them, and its state.

import type {
  Bytes,
  Floats,
  Palette,
  Pen,
  Point,
  Rectangle,
  Rgb,
  Turn,
} from "../shared/types.d.ts";
import type { Camera } from "./camera.js";
import type { PointIndex } from "./point_index.js";
import type { Words } from "./vocabulary.js";

export type * from "../shared/types.d.ts";

// ---- payloads

type Named = { id: string };

export type DecoderPayload = Named & {
  kind: "decoder";
  latent_dim: number;
  plane: { center: number[]; axes: Point[] }; // of the D latent dimensions
  activation: string;
  residual: boolean;
  fourier: number; // frequencies
  likelihood: "bernoulli" | "gaussian";
  sigma: number | null; // of a Gaussian's pixels
  min_log_sigma: number | null; // where sigma is learned: below this it is clamped
  layers: [nOut: number, nIn: number][];
  sections: Record<string, Floats>; // w0, b0, w1 … and fourier
};
export type Pixels = { mean: Floats; sigma: number | null }; // of p(x|z)
export type Decoder = DecoderPayload & { decode: (x: number, y: number) => Pixels };

export type PointsPayload = Named & {
  kind: "points";
  n: number;
  first_id: number;
  extent: Rectangle;
  medoids: [label: number, x: number, y: number][];
  sections: { coords: Floats; labels: Bytes };
};
export type Points = PointsPayload & { index: PointIndex };

export type ImagesPayload = Named & {
  kind: "images";
  n: number;
  first_id: number;
  columns: number;
  sections: { png: Bytes };
};

export type FieldsPayload = Named & {
  kind: "fields";
  extent: Rectangle; // outer borders of the grid
  shape: [height: number, width: number];
  outlines: Record<string, Outline[]>; // by layer
  said: Record<string, string>; // by layer: how it was computed, or why it is missing
  sections: Record<string, Bytes | Floats>; // by layer
  regions?: Record<string, Region[]>; // by layer, once the browser has found them
};
// A Gaussian on the plane: its mean, its lower Cholesky factor by rows.
export type Outline = [x: number, y: number, a: number, b: number, c: number, d: number];
export type Region = [label: number, x: number, y: number, radius: number];

export type ValuesPayload = Named & {
  kind: "values" | "drift";
  n: number;
  first_id: number;
  said: Record<string, string>; // by colour
  sections: Record<string, Bytes | Floats>; // by colour
  name?: string; // of a drift, what is measured …
  unit?: string; // … and in what
  title?: string; // … and its legend's title
};

export type Payload = Decoder | Points | ImagesPayload | FieldsPayload | ValuesPayload;

// ---- the decoder's kernels

export type Kernel = {
  batch: number; // inputs that it takes at once, interleaved
  product: (W: Floats, b: Floats, x: Floats, y: Floats) => void;
  numbers: (length: number) => Floats;
  keep: (values: Floats) => Floats;
};
export type MakeKernel = (layers: [number, number][]) => Kernel | null;

// ---- view

export type View = { x: number; y: number; span: number }; // centre, and units of the shorter side
export type Motion = (now: number) => boolean; // of the camera; whether it has arrived
export type Settings = {
  layers: Set<string>;
  colour: string;
  isSample: boolean;
  told: Set<string>; // complaints that were made
};
export type Size = { width: number; height: number }; // css px

// Of the page, as the map reads it; equal names look alike.
export type MapTheme = {
  name: string;
  dark: boolean;
  paper: Rgb;
  ink: Rgb;
  accent: Rgb;
  font: string;
  grid: string;
  origin: string;
  digits: Rgb[];
  classes: string[];
};
export type SizedView = Size & { camera: Camera };
export type PaintView = SizedView & { theme: MapTheme; ratio: number }; // canvas px per css px

// How dots look: classes[row] is an index into colours, front[row] marks who stands out.
export type DotsLook = {
  name: string;
  classes: ArrayLike<number>;
  colours: Int32Array;
  front: ArrayLike<number> | null;
  isDimming: boolean;
  hidden: Set<number> | null;
};

// ---- what the map and the strip of its walk tell each other

export type WalkMessage =
  | { type: "drag"; text: string; coords: Point }
  | { type: "drag-end" }
  | { type: "live"; points: Point[] }
  | { type: "step"; at: number | null };

// ---- what the map tells Python

export type Pin = { coords: Point; id: number | null }; // "pick"
export type DragMessage = Pin & { text: string }; // "drag"
export type Selected = { first_id: number; bits: string }; // bit i, lowest first, is first_id + i
export type SelectMessage = Selected & { n: number; how: string }; // "select"
export type Mode = "replace" | "add" | "remove";
export type Tool = "pan" | "lasso" | "box";

// ---- what Python tells of the map, at every rerun

export type Mark = Pin & { text: string };
export type Start = { view: Rectangle | null; layers: string[] | null; colour: string };
export type MapState = {
  key: string;
  decoder: string; // ids of payloads
  points: string;
  fields: string | null;
  values: string | null;
  drift: string | null;
  vocabulary: Words;
  images: [firstId: number, payload: string][] | null;
  label: string;
  palette: Palette;
  splits: [name: string, firstId: number][];
  pin: Pin | null;
  ellipse: Ellipse | null;
  path: { points: Point[] } | null;
  lines: { points: Point[]; dash: number[] }[];
  marks: Mark[];
  highlight: number[];
  selected: Selected | null;
  start: Start | null;
  link: Record<string, string> | null;
  group: Group | null;
  turn: Turn | null;
  selects: boolean;
  releases: boolean;
  drags: boolean;
};
export type Ellipse = { center: Point; cov: Turn };
export type Group = { name: string; side: string; isViewShared: boolean };

// ---- a walk's strip

export type WalkImage = {
  pixels: string;
  title: string;
  caption: string;
  said: string;
  turns: boolean;
  outside: boolean;
};
export type WalkData = {
  part: "walk";
  map: string; // Python's key of the map that the walk is on
  decoder: string;
  images: WalkImage[];
  z: number[][]; // latents of the steps
  stops: { text: string; z: number[] }[];
  loop: boolean;
};

// ---- what the map says beside the picture

export type Legend = {
  title: string;
  said: string; // how it was computed
  gradient?: string;
  colours?: Rgb[]; // of the gradient
  low?: string;
  high?: string;
  items?: { colour?: Rgb; text: string; isSmall?: boolean }[];
};
