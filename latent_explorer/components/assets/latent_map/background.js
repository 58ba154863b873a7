// One worker with a queue: ask(kind, order) promises its answer.

/** @typedef {{ resolve: (result: any) => void, reject: (error: Error) => void }} Job */

export class Background {
  constructor() {
    this.worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
    /** @type {Map<number, Job>} */
    this.jobs = new Map(); // number -> who waits for its answer
    this.next = 0;
    this.worker.onmessage = ({ data: { job, problem, ...result } }) => {
      const asked = this.jobs.get(job);
      this.jobs.delete(job);
      if (problem) asked?.reject(new Error(problem));
      else asked?.resolve(result);
    };
    this.worker.onerror = (event) => {
      for (const { reject } of this.jobs.values()) reject(new Error(event.message));
      this.jobs.clear();
    };
  }

  /** @param {string} kind @param {object} order @param {Transferable[]} transfer @returns {Promise<any>} */
  ask(kind, order, transfer = []) {
    const job = this.next++;
    return new Promise((resolve, reject) => {
      this.jobs.set(job, { resolve, reject });
      this.worker.postMessage({ job, kind, ...order }, transfer);
    });
  }

  get isBusy() {
    return this.jobs.size > 0;
  }

  stop() {
    this.worker.terminate();
    this.jobs.clear();
  }
}
