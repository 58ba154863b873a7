// What fails is said on the component, and once in the console.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Mosaic } from "../../latent_explorer/components/assets/latent_map/mosaic.js";
import { Camera } from "../../latent_explorer/components/assets/latent_map/camera.js";
import { reportTo } from "../../latent_explorer/components/assets/shared/problem.js";
import { mockCanvas } from "./canvas.js";
import { makeDecoderPayload } from "./payloads.js";

mockCanvas();

test("an import that fails is said", async (t) => {
  const log = t.mock.method(console, "error", () => {});
  /** @type {string[]} */
  const said = [];
  const name = "./nowhere.js";
  await import(name).catch(reportTo((message) => said.push(message)));
  assert.equal(log.mock.callCount(), 1);
  assert.match(said[0], /nowhere/);
});

test("a worker that fails breaks the mosaic once, and the map goes on", async (t) => {
  const log = t.mock.method(console, "error", () => {});
  /** @type {any[]} */
  const workers = [];
  class Worker {
    constructor() {
      workers.push(this);
    }

    postMessage(/** @type {{ job: number, kind: string }} */ { job, kind }) {
      const data = kind === "tiles" ? { job, problem: "no memory" } : { job };
      queueMicrotask(() => /** @type {any} */ (this).onmessage({ data }));
    }

    terminate() {}
  }
  Object.assign(globalThis, { Worker });
  /** @type {string[]} */
  const said = [];
  const mosaic = new Mosaic(
    () => {},
    (problem) => said.push(problem),
  );
  mosaic.use({ ...makeDecoderPayload([2, 784]), decode: null });
  const camera = new Camera();
  camera.resize({ width: 100, height: 100 });
  camera.aim({ id: "a", extent: [-1, 1, -1, 1], index: { bounds: [-1, 1, -1, 1] } });
  const pen = /** @type {any} */ ({ setTransform: () => {}, drawImage: () => {} });
  const view = {
    width: 100,
    height: 100,
    ratio: 1,
    camera,
    theme: /** @type {any} */ ({ name: "t", dark: false }),
  };
  for (let i = 0; i < 3; i++) {
    assert.equal(mosaic.paint(pen, view), false);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  assert.deepEqual(said, ["The mosaic could not be decoded: no memory"]);
  assert.equal(log.mock.callCount(), 1);
  assert.equal(workers.length, 1);
  mosaic.stop();
});
