// How large chunks should be, from what the line gave so far: large enough that asking and answering is nothing beside
// sending, small enough that a cut costs little and progress moves.

const SECONDS = 3; // that a chunk should take
const SMALLEST = 1 << 20;
const LARGEST = 32 << 20;
const FIRST = 5 << 20;
const WEIGHT = 0.3; // of the newest measurement

export class Pace {
  #rate = 0; // bytes a second of one chunk among the others

  // sent records that so many bytes took so long.
  sent(count, ms) {
    if (ms <= 0 || count < 256 << 10) return;
    const rate = (count * 1000) / ms;
    this.#rate = this.#rate ? this.#rate * (1 - WEIGHT) + rate * WEIGHT : rate;
  }

  // chunkSize is a power of two times 1 MiB once anything is known.
  get chunkSize() {
    if (!this.#rate) return FIRST;
    const wanted = Math.log2((this.#rate * SECONDS) / SMALLEST);
    return Math.min(LARGEST, SMALLEST * 2 ** Math.max(0, Math.round(wanted)));
  }
}
