// Lets a browser's module worker run in a thread of Node's.

import { parentPort, workerData } from 'node:worker_threads';

const early = [];
globalThis.self = globalThis;
self.postMessage = (data) => parentPort.postMessage(data);
parentPort.on('message', (data) => (self.onmessage ? self.onmessage({ data }) : early.push(data)));
await import(workerData);
for (const data of early) self.onmessage({ data });
