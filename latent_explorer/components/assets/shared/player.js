// A slider that also plays: its button starts and stops it, a hand on the slider stops it.

/**
 * @typedef {object} Parts
 * @property {HTMLElement} button
 * @property {HTMLInputElement} slider
 * @property {number} step of the slider's arrow keys; while it plays, any number will do
 * @property {() => void} draw shows what a hand has moved the slider to
 * @property {() => Advance | null} start readies what is played; null if there is no motion to see
 * @property {(isPlaying: boolean) => void} [show] on the button; by default as its text
 */
/** @typedef {(passed: number) => boolean} Advance moves on to so many ms; true if it goes on */

export class Player {
  /** @param {Parts} parts @param {AbortSignal} [signal] */
  constructor(parts, signal) {
    const { button, slider, draw } = parts;
    this.parts = parts;
    this.isPlaying = false;
    this.request = 0;
    const onInput = () => {
      this.pause();
      draw();
    };
    slider.addEventListener("input", onInput, { signal });
    button.addEventListener("click", () => this.toggle(), { signal });
    this.show(false);
  }

  get at() {
    return Number(this.parts.slider.value);
  }

  set at(value) {
    this.parts.slider.value = String(value);
  }

  /** @param {boolean} isPlaying */
  show(isPlaying) {
    const { button, slider, step, show } = this.parts;
    this.isPlaying = isPlaying;
    slider.step = isPlaying ? "any" : String(step);
    if (show) show(isPlaying);
    else button.textContent = isPlaying ? "❚❚ Pause" : "▶ Play";
  }

  pause() {
    cancelAnimationFrame(this.request);
    this.show(false);
  }

  toggle() {
    const advance = this.isPlaying ? null : this.parts.start();
    if (!advance) {
      this.pause();
      return;
    }
    this.show(true);
    let began = -1;
    /** @param {number} now */
    const frame = (now) => {
      if (began < 0) began = now;
      this.request = requestAnimationFrame(frame);
      if (!advance(now - began)) this.pause();
    };
    this.request = requestAnimationFrame(frame);
  }
}

// Whether the reader wants no motion.
export const isStill = () => matchMedia("(prefers-reduced-motion: reduce)").matches;
