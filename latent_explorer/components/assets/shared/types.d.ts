// What Python sends, what components keep of it, and what they tell Python.

export type Point = [x: number, y: number]; // on the plane, or css px
export type Rectangle = [x0: number, x1: number, y0: number, y1: number];
export type Rgb = [number, number, number];
export type Turn = [Point, Point]; // 2 x 2
export type Palette = { light: string[]; dark: string[] }; // ten css colours each
export type Floats = Float32Array<ArrayBuffer>;
export type Bytes = Uint8Array<ArrayBuffer>;
export type Pen = CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D;

// What Streamlit calls a component with.
export type Mount<Data> = {
  data: Data;
  parentElement: HTMLElement & { host?: Element }; // a shadow root
  setTriggerValue: (name: string, value: unknown) => void;
  setStateValue: (name: string, value: unknown) => void;
};

// ---- colours

// Of pictures of digits: pure black and white. `name` is the palette's.
export type Theme = { name: "light" | "dark"; dark: boolean; paper: Rgb; ink: Rgb };

// ---- address

// `more` is too long for the address, and in links alone; an address of another `entry` is a new step
// of the history; `opening` names the address that Python opened last, of this `session`.
export type AddressData = {
  params: Record<string, string>;
  more: Record<string, string>;
  entry: string;
  opening: string;
  session: string;
  hasButton: boolean;
};

// ---- morph

export type MorphLine<Coords> = { start: Coords; end: Coords; seen: "always" | "start" | "end" };
// Coordinates are float32 in base64, pictures 784 bytes of ink in base64.
export type MorphData = {
  name: string;
  start: string;
  end: string;
  ends: [string, string];
  labels: string;
  splits: [name: string, first: number][];
  halves: [number, number];
  at: number;
  opening: number | null;
  label: string;
  palette: Palette;
  lines: MorphLine<string>[];
  pictures: { start: Point; end: Point; pixels: string }[];
  trails: number[];
  trace: { row: number; name: string; pictures: [string, string] } | null;
  picks: boolean;
};

// ---- timeline

export type Film = {
  id: string;
  n: number;
  moments: number;
  grid: number;
  half: number; // of the square in sight
  side: number; // px of a mosaic
  coords: Floats; // (moments, n, 2)
  labels: Uint8Array; // (n,)
  mosaics: Uint8Array; // (moments, side, side)
};
export type Look = "points" | "mosaic" | "both";
export type Curve = {
  title: string;
  unit: string;
  digits: number;
  how: string;
  values: (number | null)[];
};
export type TimelineData = {
  film: string;
  name: string;
  start: { at: number; look: Look; opening: number };
  epochs: number[];
  curves: Curve[];
  followed: { row: number; original: string; reconstructions: string } | null;
  label: string;
  palette: Palette;
};

// ---- drawing, contact sheet, strip

export type DrawingData = { key: string; seen: number; side: number };
export type Ink = { n: number; levels: string | null }; // what a drawing tells Python

export type SheetData = {
  ids: number[];
  pixels: string;
  captions: string[];
  page: number;
  pageSize: number;
  total: number;
  counts: number[];
  palette: Palette;
  chosen: number | null;
};

export type StripImage = { pixels: string; title: string; caption: string; signed: boolean };
export type StripData = {
  size: number;
  perRow: number | null;
  choosable: boolean;
  images: StripImage[];
};
