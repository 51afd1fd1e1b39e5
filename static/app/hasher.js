// The main thread's side of hash-worker.js.

export class Hasher {
  #worker;
  #jobs = new Map();
  #last = 0;

  constructor(worker = new Worker(new URL('hash-worker.js', import.meta.url), { type: 'module' })) {
    this.#worker = worker;
    worker.onmessage = ({ data }) => this.#answer(data);
    worker.onerror = (event) => this.#broken(event);
  }

  // digest starts the SHA-1 of a file. The job's result is a promise; pause, resume and stop act on it.
  digest(file, onProgress = () => {}) {
    return this.#start({ op: 'digest', file }, onProgress);
  }

  // proof starts the answer to a challenge.
  proof(file, challenge, ranges) {
    return this.#start({ op: 'proof', file, challenge, ranges });
  }

  #start(message, onProgress = () => {}) {
    const id = ++this.#last;
    const result = new Promise((resolve, reject) => this.#jobs.set(id, { resolve, reject, onProgress }));
    this.#worker.postMessage({ id, ...message });
    const tell = (op) => this.#worker.postMessage({ id, op });
    return { result, pause: () => tell('pause'), resume: () => tell('resume'), stop: () => tell('stop') };
  }

  #answer({ id, progress, result, error }) {
    const job = this.#jobs.get(id);
    if (!job) return;
    if (progress !== undefined) {
      job.onProgress(progress);
      return;
    }
    this.#jobs.delete(id);
    if (error) job.reject(Object.assign(new Error(error.message), { name: error.name }));
    else job.resolve(result);
  }

  #broken(event) {
    const err = new Error(event.message || 'the hash worker could not start');
    for (const job of this.#jobs.values()) job.reject(err);
    this.#jobs.clear();
  }
}
