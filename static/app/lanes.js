// How many chunks should be on the way at once, from what the line gave so far: one more as long as that brings more bytes
// a second, half as many when the line fails.

const FIRST = 3;
const MOST = 5; // browsers open six connections to a host, and one is for everything else
const GAIN = 1.1; // times as much is worth one more
const ROUNDS = 2; // chunks for each lane make a measurement
const REST = 4; // measurements before the next try, when one has failed

export class Lanes {
  count = FIRST;
  #round = null; // {from, bytes, chunks}: what is being measured
  #before = 0; // bytes a second with one lane less, while one more is tried
  #rest = 0;
  #failedAt = -Infinity;

  constructor(most = MOST) {
    this.most = most;
    this.count = Math.min(FIRST, most);
  }

  // sent records a chunk that arrived at a time in ms. full: all lanes were in use, and more was waiting; otherwise what
  // went says nothing of the line.
  sent(bytes, now, full) {
    if (!full) {
      this.#round = null;
      return;
    }
    if (!this.#round) {
      this.#begin(now);
      return;
    }
    this.#round.bytes += bytes;
    this.#round.chunks++;
    if (this.#round.chunks < ROUNDS * this.count || now <= this.#round.from) return;
    this.#judge((this.#round.bytes * 1000) / (now - this.#round.from));
    this.#begin(now);
  }

  // failed records that the line gave nothing for a chunk that was begun at a time. The chunks of one cut count once.
  failed(begun, now) {
    if (begun < this.#failedAt) return;
    this.#failedAt = now;
    this.count = Math.max(1, this.count >> 1);
    this.#rest = REST;
    this.#before = 0;
    this.#round = null;
  }

  #begin(now) {
    this.#round = { from: now, bytes: 0, chunks: 0 };
  }

  #judge(rate) {
    if (this.#before && rate < this.#before * GAIN) {
      this.count--;
      this.#rest = REST;
      this.#before = 0;
      return;
    }
    this.#before = 0;
    if (this.#rest > 0) this.#rest--;
    else if (this.count < this.most) {
      this.#before = rate;
      this.count++;
    }
  }
}
