// What stands in for a page's canvas in Node: keeps the images that were put on one, and knows
// "#rrggbb" as a colour.

export function mockCanvas() {
  /** @type {{ data: Uint8ClampedArray }[]} */
  const images = [];
  class OffscreenCanvas {
    getContext() {
      const pen = {
        fillStyle: "#000000",
        clearRect: () => {},
        fillRect: () => {},
        putImageData: (/** @type {{ data: Uint8ClampedArray }} */ image) => images.push(image),
        getImageData: () => ({
          data: [1, 3, 5].map((i) => parseInt(pen.fillStyle.slice(i, i + 2), 16)),
        }),
      };
      return pen;
    }
  }
  class ImageData {
    /** @param {Uint8ClampedArray | number} data @param {number} width @param {number} [height] */
    constructor(data, width, height) {
      this.data = typeof data === "number" ? new Uint8ClampedArray(4 * data * width) : data;
      this.size = [width, height];
    }
  }
  Object.assign(globalThis, { OffscreenCanvas, ImageData });
  return images;
}
