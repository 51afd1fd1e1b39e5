// Digests and proofs, off the main thread, in constant memory.
//
// It takes messages {id, op, …} and answers {id, progress}, {id, result} or {id, error}. Several jobs may run at once;
// they take turns at each slice. op "pause", "resume" and "stop" are for the job of that id.

import '../lib/hash-wasm/sha1.umd.min.js';
import '../lib/hash-wasm/sha256.umd.min.js';
import '../lib/hash-wasm/hmac.umd.min.js';

const { createSHA1, createSHA256, createHMAC } = globalThis.hashwasm;
const SLICE = 4 << 20;

const jobs = new Map(); // id → {stopped, held}: held is a promise while the job is paused

const work = { digest, proof };
const control = { pause, resume, stop };

self.onmessage = ({ data }) => {
  if (control[data.op]) control[data.op](jobs.get(data.id));
  else start(data);
};

async function start({ id, op, ...input }) {
  const job = { id, stopped: false, held: null };
  jobs.set(id, job);
  try {
    self.postMessage({ id, result: await work[op](input, job) });
  } catch (err) {
    self.postMessage({ id, error: { name: err.name, message: err.message } });
  } finally {
    jobs.delete(id);
  }
}

// digest returns the SHA-1 of a file or slice. The next slice is read while one is hashed.
async function digest({ file }, job) {
  const sha1 = await createSHA1();
  let next = read(file, 0, SLICE);
  for (let done = 0; done < file.size; ) {
    const bytes = await next;
    done += bytes.length;
    next = read(file, done, SLICE);
    next.catch(() => {}); // looked at in the next turn, if there is one
    sha1.update(bytes);
    self.postMessage({ id: job.id, progress: done });
    await turn(job);
  }
  return sha1.digest('hex');
}

// proof answers the server's challenge: HMAC-SHA-256 over the ranges' bytes, the key being the challenge itself.
async function proof({ file, challenge, ranges }, job) {
  const hmac = await createHMAC(createSHA256(), challenge);
  for (const { Offset, Length } of ranges) {
    hmac.update(await read(file, Offset, Length));
    await turn(job);
  }
  return hmac.digest('hex');
}

async function read(file, offset, length) {
  return new Uint8Array(await file.slice(offset, offset + length).arrayBuffer());
}

async function turn(job) {
  await job.held?.promise;
  if (job.stopped) throw new DOMException('stopped', 'AbortError');
}

function pause(job) {
  if (!job || job.held) return;
  const held = {};
  held.promise = new Promise((resolve) => {
    held.resolve = resolve;
  });
  job.held = held;
}

function resume(job) {
  job?.held?.resolve();
  if (job) job.held = null;
}

function stop(job) {
  if (job) job.stopped = true;
  resume(job);
}
