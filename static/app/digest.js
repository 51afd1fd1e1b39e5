// The digest of one upload's file: found once, kept over pauses.

import { abortable } from './instant.js';

export class NotSame extends Error {
  name = 'NotSame';
}

export class Digest {
  value = '';
  hashed = 0; // bytes
  #job = null;

  constructor(hasher) {
    this.hasher = hasher;
  }

  // find returns the digest. A caller that was stopped by its signal, as by a pause, finds the work again; any other
  // failure begins anew. must: what it has to be, where that is known.
  async find(file, { signal, must = '', onProgress }) {
    this.#job ??= this.hasher.digest(file, (done) => {
      this.hashed = done;
      onProgress();
    });
    try {
      this.set(await abortable(this.#job.result, signal), file.size);
    } catch (err) {
      if (!signal.aborted) this.#job = null;
      throw err;
    }
    if (must && must !== this.value) throw new NotSame('this is another file');
    return this.value;
  }

  set(value, size) {
    this.value = value;
    this.hashed = size;
  }

  // forget is for when the file turns out to be another.
  forget() {
    this.stop();
    this.#job = null;
    this.value = '';
    this.hashed = 0;
  }

  pause() {
    this.#job?.pause();
  }

  resume() {
    this.#job?.resume();
  }

  stop() {
    this.#job?.stop();
  }
}
