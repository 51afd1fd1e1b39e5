// The rules that need no server.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import './browser.mjs';
import { Slots } from './app/chunks.js';
import { Lanes } from './app/lanes.js';
import { Pace } from './app/pace.js';
import { backoff, persist, transient } from './app/retry.js';
import { ApiError } from './app/send.js';

const MB = 1 << 20;

// drive plays a line that gives rate(lanes) bytes a second in all, for so many chunks.
function drive(lanes, rate, chunks, from = 0) {
  let now = from;
  for (let i = 0; i < chunks; i++) {
    now += (MB * 1000) / rate(lanes.count);
    lanes.sent(MB, now, true);
  }
  return now;
}

test('lanes grow to the ceiling while each of them brings more', () => {
  const lanes = new Lanes();
  assert.equal(lanes.count, 3);
  drive(lanes, (n) => n * 3 * MB, 40);
  assert.equal(lanes.count, 5);
});

test('lanes stay where one more brings nothing, and try again later', () => {
  const lanes = new Lanes();
  const seen = new Set();
  let now = 0;
  for (let i = 0; i < 200; i++) {
    now = drive(lanes, () => 3 * MB, 1, now);
    seen.add(lanes.count);
  }
  assert.deepEqual([...seen].sort(), [3, 4]);
});

test('lanes follow a line that became better', () => {
  const lanes = new Lanes();
  const now = drive(lanes, () => 3 * MB, 100);
  drive(lanes, (n) => n * 3 * MB, 100, now);
  assert.equal(lanes.count, 5);
});

test('lanes are halved by a failure, once for all chunks of one cut', () => {
  const lanes = new Lanes();
  drive(lanes, (n) => n * 3 * MB, 40);
  for (const begun of [1000, 1100, 1200]) lanes.failed(begun, 2000);
  assert.equal(lanes.count, 2);
  lanes.failed(2500, 3000);
  lanes.failed(3500, 4000);
  assert.equal(lanes.count, 1);
  drive(lanes, (n) => n * 3 * MB, 100, 5000);
  assert.equal(lanes.count, 5);
});

test('lanes learn nothing while there is too little to send', () => {
  const lanes = new Lanes();
  for (let i = 1; i < 100; i++) lanes.sent(MB, i * 100, false);
  assert.equal(lanes.count, 3);
});

test('slots follow the lanes', async () => {
  const lanes = { count: 2 };
  const slots = new Slots(lanes);
  const { signal } = new AbortController();
  const gives = [await slots.take(signal), await slots.take(signal)];
  assert.equal(slots.full, false);
  let taken = 0;
  const waiting = [1, 2, 3].map(() => slots.take(signal).then((give) => (taken++, gives.push(give))));
  await Promise.resolve();
  assert.deepEqual([taken, slots.full], [0, true]);
  lanes.count = 1;
  gives.shift()(); // one is on the way still, and that is all there may be
  await new Promise(setImmediate);
  assert.equal(taken, 0);
  lanes.count = 3;
  gives.shift()();
  await Promise.all(waiting);
  assert.equal(taken, 3);
});

test('a slot that was waited for in vain is given to the next', async () => {
  const slots = new Slots({ count: 1 });
  const give = await slots.take(new AbortController().signal);
  const gone = new AbortController();
  const first = slots.take(gone.signal);
  const second = slots.take(new AbortController().signal);
  gone.abort(new Error('gone'));
  await assert.rejects(first, /gone/);
  give();
  await second;
});

test('chunks take about three seconds', () => {
  for (const [rate, size] of [[100 << 10, MB], [1.5 * MB, 4 * MB], [3 * MB, 8 * MB], [1000 * MB, 32 * MB]]) {
    const pace = new Pace();
    assert.equal(pace.chunkSize, 5 * MB);
    pace.sent(10 * rate, 10_000);
    pace.sent(1000, 1); // says nothing
    assert.equal(pace.chunkSize, size, String(rate));
  }
});

test('what may pass is tried again, later each time', () => {
  for (const [status, want] of [[0, true], [503, true], [429, true], [400, false], [401, false], [507, false]]) {
    assert.equal(transient(new ApiError({ status })), want, String(status));
  }
  assert.deepEqual([0, 1, 2, 10].map((n) => backoff(n, 0, 1)), [500, 1000, 2000, 15_000]);
  assert.equal(backoff(0, 7, 0), 7000);
});

test('a request that is cut although the server is there is not repeated for ever', async () => {
  const waiting = { sleep: async () => {} };
  const cutAt = async (reached, ends) => {
    let tries = 0;
    const request = async () => {
      if (++tries === ends) return tries;
      throw Object.assign(new ApiError({}), { reached });
    };
    return persist(request, { waiting }).catch((err) => (err.reached ? `gave up after ${tries}` : err));
  };
  assert.equal(await cutAt(false, 200), 200); // the line is dead
  assert.equal(await cutAt(true, 20), 20);
  assert.equal(await cutAt(true, 200), 'gave up after 21');
});
