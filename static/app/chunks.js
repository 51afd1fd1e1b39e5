// The chunks of one upload, numbered from 1, and how the missing ones are sent.

export class Chunks {
  #inFlight = new Map(); // index → bytes that have gone

  // session is what the server says at init or status.
  constructor({ FileSize, ChunkSize, ChunkCount, ChunkExists }) {
    this.size = FileSize;
    this.chunkSize = ChunkSize;
    this.count = ChunkCount;
    this.held = new Set(ChunkExists ?? []);
  }

  extent(index) {
    const start = (index - 1) * this.chunkSize;
    return { start, end: Math.min(start + this.chunkSize, this.size) };
  }

  length(index) {
    const { start, end } = this.extent(index);
    return end - start;
  }

  missing() {
    const indexes = [];
    for (let i = 1; i <= this.count; i++) if (!this.held.has(i)) indexes.push(i);
    return indexes;
  }

  // drop marks chunks that the server does not have, or has wrong, as missing.
  drop(indexes) {
    for (const i of indexes) this.held.delete(i);
  }

  hold(index) {
    this.#inFlight.delete(index);
    this.held.add(index);
  }

  // progress records how many bytes of a chunk have gone; 0 takes them back.
  progress(index, loaded) {
    this.#inFlight.set(index, Math.min(loaded, this.length(index)));
  }

  get sent() {
    let sum = 0;
    for (const i of this.held) sum += this.length(i);
    for (const loaded of this.#inFlight.values()) sum += loaded;
    return sum;
  }
}

// Slots are a bound on how many chunks are on the way at once, over all uploads, first come, first served. The bound is
// that of lanes, and may change at any time.
export class Slots {
  #used = 0;
  #queue = [];

  constructor(lanes) {
    this.lanes = lanes;
  }

  // full: as many are on the way as may be, and more would be.
  get full() {
    return this.#queue.length > 0 && this.#used >= this.lanes.count;
  }

  // take waits for a slot and returns the function that gives it back.
  async take(signal) {
    signal.throwIfAborted();
    if (this.#used < this.lanes.count && !this.#queue.length) this.#used++;
    else await this.#inLine(signal);
    return () => this.#give();
  }

  #inLine(signal) {
    return new Promise((resolve, reject) => {
      const stop = () => {
        this.#queue.splice(this.#queue.indexOf(next), 1);
        reject(signal.reason);
      };
      const next = () => {
        signal.removeEventListener('abort', stop);
        resolve();
      };
      signal.addEventListener('abort', stop, { once: true });
      this.#queue.push(next);
    });
  }

  #give() {
    this.#used--;
    while (this.#queue.length && this.#used < this.lanes.count) {
      this.#used++;
      this.#queue.shift()();
    }
  }
}

// sendMissing sends every missing chunk by send(index, signal), in parallel as far as the slots allow. The first failure
// stops the rest and is thrown. When it returns, nothing is on the way any more.
export async function sendMissing(chunks, { slots, signal, send }) {
  const failure = new AbortController();
  const stop = AbortSignal.any([signal, failure.signal]);
  const running = new Set();
  const one = async (index, release) => {
    try {
      await send(index, stop);
      chunks.hold(index);
    } catch (err) {
      chunks.progress(index, 0);
      failure.abort(err);
    } finally {
      release();
    }
  };
  try {
    for (const index of chunks.missing()) {
      const job = one(index, await slots.take(stop));
      running.add(job);
      job.then(() => running.delete(job));
    }
  } finally {
    await Promise.all(running);
  }
  stop.throwIfAborted();
}
