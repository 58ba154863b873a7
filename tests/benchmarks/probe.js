// Runs in every page before its own scripts: clocks that stand in the page itself, so that what is
// measured holds no round trip to the test. It reads through open shadow roots.
(() => {
  const frame = window.requestAnimationFrame.bind(window);
  const listen = EventTarget.prototype.addEventListener;
  const TIMED = ["pointermove", "wheel"]; // on a canvas
  const PATIENCE_MS = 60_000;
  const fresh = () => Object.fromEntries(TIMED.map((type) => [type, { handlers: [], frames: [] }]));
  let timed = fresh();
  let cause = null; // the timed event whose handler is running

  function find(selector, root = document) {
    const hit = root.querySelector(selector);
    if (hit) return hit;
    for (const element of root.querySelectorAll("*")) {
      const inner = element.shadowRoot && find(selector, element.shadowRoot);
      if (inner) return inner;
    }
    return null;
  }

  // Calls `test` once per frame until it is true.
  const until = (test) => new Promise((resolve, reject) => {
    const start = performance.now();
    const look = () => {
      if (test()) resolve();
      else if (performance.now() - start < PATIENCE_MS) frame(look);
      else reject(new Error(`It never came: ${test}. The page says: ${document.body.innerText}`));
    };
    frame(look);
  });

  // The wall clock, in ms, of the first frame in which `test` is true.
  async function ready(test) {
    await until(test);
    return performance.timeOrigin + performance.now();
  }

  // The wall clock, in ms, of the mouse's release and of the first frame with another `read()`.
  async function untilChange(read) {
    const before = read();
    const { timeStamp } = await new Promise((resolve) => {
      listen.call(window, "pointerup", resolve, { capture: true, once: true });
    });
    const shown = await ready(() => ![null, before].includes(read()));
    return [performance.timeOrigin + timeStamp, shown];
  }

  const levels = (canvas) => {
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    return Array.from({ length: data.length / 4 }, (_, i) => data[4 * i]);
  };

  const PICTURE = 'canvas[data-title="Decoded"], canvas[data-title="Reconstruction"]';
  const explorer = {
    isReady: (n) => find(`[data-testid="latent-map"][data-ready="true"][data-points="${n}"]`),
    picture: () => {
      const canvas = find(PICTURE);
      return canvas && levels(canvas).join();
    },
    levels: () => levels(find(PICTURE)),
    view: () => {
      const root = find('[data-testid="latent-map"]');
      const { x, y, width, height } = root.getBoundingClientRect();
      return { box: [x, y, width, height], view: root.dataset.view.split(",").map(Number) };
    },
    // What the contact sheet shows, drawn in one go with its number.
    sheet: () => {
      const sheet = find('[data-testid="contact-sheet"]');
      return sheet && `${sheet.dataset.total}: ${sheet.dataset.ids}`;
    },
    selected: () => Number(find('[data-testid="contact-sheet"]').dataset.total),
    isTiled: () => find('[data-testid="latent-map"]').dataset.mosaic === "complete",
    hovered: () => find('[data-testid="latent-map"]').dataset.z.split(",").map(Number),
  };

  const chart = () => document.querySelector(".js-plotly-plot");
  const image = () => document.querySelector('[data-testid="stImage"] img');
  const said = () => /(\d+) digits/.exec(document.body.innerText)?.[1];
  const plotly = {
    // How many are selected, once their pictures are there.
    sheet: () => {
      const images = [...document.querySelectorAll('[data-testid="stImage"] img')];
      const areDrawn = images.length === 48 && images.every((one) => one.complete && one.naturalWidth);
      return areDrawn && said() ? said() : null;
    },
    selected: () => Number(said()),
    // With the lasso as its tool the chart keeps no places in px.
    isCalculated: (n) => {
      const traces = chart()?.calcdata ?? [];
      const known = traces.reduce((sum, trace) => sum + (trace[0]?.t?.x?.length ?? 0), 0);
      return known === n && chart().querySelector(".xtick");
    },
    isReady: (n) => {
      const traces = chart()?.calcdata ?? [];
      const drawn = traces.reduce((sum, trace) => sum + (trace[0]?.t?.xpx?.length ?? 0), 0);
      return drawn === n && chart().querySelector(".xtick");
    },
    picture: () => (image()?.complete && image().naturalWidth ? image().src : null),
    levels: () => {
      const canvas = document.createElement("canvas");
      [canvas.width, canvas.height] = [image().naturalWidth, image().naturalHeight];
      canvas.getContext("2d").drawImage(image(), 0, 0);
      return levels(canvas);
    },
    view: () => {
      const { _size: size, xaxis, yaxis } = chart()._fullLayout;
      const { x, y } = chart().getBoundingClientRect();
      const box = [x + size.l, y + size.t, size.w, size.h];
      return { box, view: [...xaxis.range, ...yaxis.range] };
    },
  };

  // Milliseconds from the next event of a type to the first frame with every tile of the mosaic.
  async function untilTiled(type) {
    const { timeStamp } = await new Promise((resolve) => {
      listen.call(window, type, resolve, { capture: true, once: true });
    });
    await new Promise(frame); // in which the map notices
    await new Promise(frame);
    await until(explorer.isTiled);
    return performance.now() - timeStamp;
  }

  // Whether the script has nothing more to say.
  const isIdle = () => find('[data-testid="stApp"]').dataset.testScriptState === "notRunning";

  // The products alone of dense layers of these shapes, in plain loops: ms per evaluation.
  function bareLoops(shapes, n) {
    const layers = shapes.map(([nOut, nIn]) => ({
      w: new Float32Array(nOut * nIn).fill(0.01),
      x: new Float32Array(nIn).fill(0.1),
      y: new Float32Array(nOut),
    }));
    const start = performance.now();
    for (let k = 0; k < n; k++) {
      for (const { w, x, y } of layers) {
        for (let i = 0; i < y.length; i++) {
          let sum = 0;
          for (let j = 0; j < x.length; j++) sum += w[i * x.length + j] * x[j];
          y[i] = sum;
        }
      }
    }
    return (performance.now() - start) / n;
  }

  EventTarget.prototype.addEventListener = function (type, handler, options) {
    if (!TIMED.includes(type) || !(this instanceof HTMLCanvasElement)) {
      return listen.call(this, type, handler, options);
    }
    const clocked = (event) => {
      cause = type;
      const start = performance.now();
      try {
        handler.call(this, event);
      } finally {
        timed[type].handlers.push(performance.now() - start);
        cause = null;
      }
    };
    return listen.call(this, type, clocked, options);
  };

  // A frame is charged to the event whose handler asked for it.
  window.requestAnimationFrame = (callback) => {
    const type = cause;
    if (!type) return frame(callback);
    return frame((now) => {
      const start = performance.now();
      callback(now);
      timed[type].frames.push(performance.now() - start);
    });
  };

  window.bench = {
    ready,
    untilChange,
    untilTiled,
    isIdle,
    explorer,
    plotly,
    bareLoops,
    takeTimes: () => {
      const taken = timed;
      timed = fresh();
      return taken;
    },
  };
})();
