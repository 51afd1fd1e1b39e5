// How far one upload is, and how fast.

import { Meter } from './format.js';

export class Progress {
  #meter = new Meter();
  #chunks = null;
  #counted = 0;
  #form = 0; // bytes that went in a form

  // follow counts by the chunks of a session from now on; null: there is none.
  follow(chunks) {
    this.#chunks = chunks;
    this.#counted = chunks?.sent ?? 0;
  }

  start() {
    this.#meter.reset();
  }

  // chunk notes how many bytes of a chunk have gone; 0 takes them back.
  chunk(index, loaded) {
    this.#chunks.progress(index, loaded);
    const { sent } = this.#chunks;
    if (sent <= this.#counted) return;
    this.#meter.add(sent - this.#counted);
    this.#counted = sent;
  }

  form(bytes) {
    this.#form = bytes;
  }

  get sent() {
    return this.#chunks?.sent ?? this.#form;
  }

  get speed() {
    return this.#meter.speed();
  }
}
