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
  apart: number; // units of the plane up to which no zoom tells two digits apart
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

// As far as they are here, and whether the page compares anything.
export type Payloads = {
  fields: FieldsPayload | null;
  values: ValuesPayload | null;
  isCompared: boolean;
};

// ---- words of Python's vocabulary

// How a number becomes a colour: CSS colours from low to high, equally spaced.
export type Scale = {
  light: string[];
  dark: string[];
  range: [number, number]; // shares of the values below the scale's two ends
  depth: number | null; // what it spans at most, below its upper end
};
export type Kind = "scale" | "classes" | "outlines" | "mosaic" | "labels" | "points" | "thumbnails";
export type Layer = {
  name: string; // in links, and of its data
  kind: Kind; // who paints it
  key: string; // on the keyboard
  title: string; // in the popover
  group: "under" | "points"; // of the popover
  is_on: boolean; // at first
  unit?: string; // of a scale: in the legend it stands after the title
  legend?: string; // title of another kind's legend
  legend_of_many?: string; // the same for outlines of "{n}" Gaussians
  scale?: Scale; // of kind "scale"
  about?: string; // how it is computed, where its data do not say
};
// What the colours of the points say.
export type Colour = {
  name: string; // in links, and of its data
  kind: "class" | "amount" | "flag";
  title: string; // in the popover and in the lens
  source: "points" | "values" | "drift"; // the payload that brings the numbers
  decimals: number; // of the legend's ends
  legend?: string; // title of its legend
  unit?: string; // of a number in the lens
  scale?: Scale; // of an amount; of a flag its low end marks what is wrong
  right?: string; // what a flag says in the lens
  wrong?: string;
};
export type Words = { layers: Layer[]; colours: Colour[]; classes: string[] };

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
  rests: boolean | null; // whether the lens stays open at the pin; null until one has chosen
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
export type Selected = { first_id: number; bits: string }; // bit i, lowest first, is first_id + i
export type SelectMessage = Selected & { n: number; how: string }; // "select"
export type Mode = "replace" | "add" | "remove";
export type Tool = "pan" | "lasso" | "box";

// ---- what Python tells of the map, at every rerun

export type Mark = Pin & { text: string; isOnWay: boolean };
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
  pinIsBeside: boolean; // the page shows what is pinned beside the map
  ellipse: Ellipse | null;
  path: { points: Point[] } | null;
  lines: { points: Point[]; dash: number[] }[];
  marks: Mark[];
  highlight: number[];
  selected: Selected | null;
  start: Start | null;
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
  items?: { colour?: Rgb; text: string; isSmall?: boolean; isDiamond?: boolean }[];
};

// What the controls show: `missing` are layers that this checkpoint has not, `said` how each was
// made, or why there is none.
export type Shown = {
  layers: Set<string>;
  colour: string;
  isSample: boolean;
  rests: boolean;
  tool: Tool;
  missing: Set<string>;
  said: Record<string, string>;
  waiting: Set<string>;
  canSelect: boolean;
};

// What the lens is about.
export type About = {
  coords: Point;
  z: number[] | null; // of two dimensions
  near: { id: number; distance: number } | null; // the nearest digit
  name: string; // of it
  pile: number; // digits at its place
  value: string; // what its colour says
  decoder: Decoder;
  names: string[]; // of z and its two axes
  isSample: boolean;
  theme: MapTheme;
};
