// Points drawn straight into pixels.

// Where a disc's pixels lie in a picture of this width, from its middle on.
export function discOffsets(radius, width) {
  const offsets = [];
  const reach = Math.ceil(radius);
  for (let y = -reach; y <= reach; y++) {
    for (let x = -reach; x <= reach; x++) {
      if (x * x + y * y <= radius * radius) offsets.push(y * width + x);
    }
  }
  return offsets;
}

// "#rrggbb" as a pixel of ImageData.
export function toPixel(css) {
  const [r, g, b] = [1, 3, 5].map((i) => parseInt(css.slice(i, i + 2), 16));
  return (0xff000000 | (b << 16) | (g << 8) | r) >>> 0;
}
