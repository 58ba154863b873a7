// One worker with a queue: ask(kind, order) promises its answer.

export class Background {
  constructor() {
    this.worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
    this.jobs = new Map(); // number -> { resolve, reject }
    this.next = 0;
    this.worker.onmessage = ({ data: { job, problem, ...result } }) => {
      const { resolve, reject } = this.jobs.get(job);
      this.jobs.delete(job);
      if (problem) reject(new Error(problem));
      else resolve(result);
    };
    this.worker.onerror = (event) => {
      for (const { reject } of this.jobs.values()) reject(new Error(event.message));
      this.jobs.clear();
    };
  }

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
