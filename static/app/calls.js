// The requests of all uploads: again while that may help, and after the person has signed in where the session is over.

import { persist, Waiting } from './retry.js';

export class Calls {
  #waiting = new Waiting();
  #session = null; // while signed out: {promise, resolve}
  #signins = 0;

  // ask is called once for each time that the password is needed.
  constructor(ask) {
    this.ask = ask;
  }

  // make makes a request. onWait says why it waits: offline, signin, or '' when it goes on. once: a failure that may pass
  // is thrown like any other.
  async make(request, { signal, onWait, once }) {
    for (;;) {
      await this.#session?.promise;
      signal.throwIfAborted();
      const signins = this.#signins;
      try {
        if (once) return await request();
        return await persist(request, { waiting: this.#waiting, signal, onWait: (on) => onWait(on ? 'offline' : '') });
      } catch (err) {
        if (!err.signedOut || signal.aborted) throw err;
        if (signins === this.#signins) this.signedOut();
        onWait('signin');
      }
    }
  }

  // wake tries again what waits for the network.
  wake() {
    this.#waiting.wake();
  }

  // signedOut makes all requests wait and asks for the password.
  signedOut() {
    if (this.#session) return;
    this.hold();
    this.ask();
  }

  // hold makes all requests wait until signedIn, without a question: a session is about to take the place of this one.
  hold() {
    if (this.#session) return;
    this.#session = {};
    this.#session.promise = new Promise((resolve) => {
      this.#session.resolve = resolve;
    });
  }

  signedIn() {
    this.#signins++;
    this.#session?.resolve();
    this.#session = null;
  }
}
