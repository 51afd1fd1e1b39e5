// When to try again, and how long to wait before.

const FIRST = 500;
const LONGEST = 15_000;
const TRIES = 8; // for an answer that says "later"; while the server cannot be reached there is no limit
const CUTS = 20; // for a request that is cut although the server can be reached: it may be refused before its end

const LATER = new Set([408, 423, 429, 500, 502, 503, 504]);

export function transient(err) {
  return err.name === 'ApiError' && (err.offline || LATER.has(err.status));
}

export function backoff(attempt, retryAfter = 0, random = Math.random()) {
  const grown = Math.min(LONGEST, FIRST * 2 ** attempt);
  return Math.max(retryAfter * 1000, grown * (0.5 + random / 2));
}

// Waiting lets sleepers be woken before their time, as when the network comes back.
export class Waiting {
  #wakers = new Set();

  wake() {
    for (const wake of [...this.#wakers]) wake();
  }

  sleep(ms, signal) {
    return new Promise((resolve, reject) => {
      const end = (how, value) => {
        clearTimeout(timer);
        this.#wakers.delete(wake);
        signal?.removeEventListener('abort', stop);
        how(value);
      };
      const wake = () => end(resolve);
      const stop = () => end(reject, signal.reason);
      const timer = setTimeout(wake, ms);
      if (signal?.aborted) {
        stop();
        return;
      }
      this.#wakers.add(wake);
      signal?.addEventListener('abort', stop, { once: true });
    });
  }
}

// persist repeats a request while it fails in a way that may pass. onWait(true, err) and onWait(false) frame the waits.
export async function persist(request, { waiting, signal, onWait = () => {} }) {
  let cuts = 0;
  for (let attempt = 0; ; attempt++) {
    try {
      return await request();
    } catch (err) {
      if (signal?.aborted || !transient(err) || (!err.offline && attempt >= TRIES)) throw err;
      if (err.reached && ++cuts > CUTS) throw err;
      onWait(true, err);
      try {
        await waiting.sleep(backoff(attempt, err.retryAfter), signal);
      } finally {
        onWait(false);
      }
    }
  }
}
