// Asking whether the drive has a content already, and proving that this browser has it too.

const CHALLENGES = 3; // one may expire before it is answered

import { Code } from './api.js';

// askInstant returns {hit, entry}; {hit: false} with noRoom where the quota forbids the link, with taken where something
// else has the name, or with retryAfter where the server wants no more questions for now. Whatever goes wrong otherwise
// is no hit: sending the bytes is the way on.
// call makes a request; about is what fastupload wants to know.
export async function askInstant({ api, hasher, call, file, about, signal }) {
  const ask = (more) => call(() => api.fastupload({ ...about, ...more }, signal));
  try {
    let answer = await ask();
    for (let n = 0; answer.challenge && n < CHALLENGES; n++) {
      const { challenge, ranges } = answer;
      const proof = await abortable(hasher.proof(file, challenge, ranges).result, signal);
      answer = await ask({ challenge, proof });
    }
    return { hit: answer.hit, entry: answer.entry };
  } catch (err) {
    if (signal.aborted || err.name !== 'ApiError') throw err;
    if (err.status === 429) return { hit: false, retryAfter: err.retryAfter || 60 };
    return { hit: false, noRoom: err.status === 507, taken: err.code === Code.NameTaken };
  }
}

// abortable lets one stop waiting for a promise.
export function abortable(promise, signal) {
  return new Promise((resolve, reject) => {
    const stop = () => reject(signal.reason);
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
  });
}
