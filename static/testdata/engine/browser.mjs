// What the engine uses of a browser and Node lacks, or does otherwise.

import { File as BufferFile } from 'node:buffer';
import http from 'node:http';
import { Worker as Thread } from 'node:worker_threads';

globalThis.File ??= BufferFile; // since Node 20

// since Node 19
globalThis.CustomEvent ??= class extends Event {
  constructor(type, { detail = null, ...options } = {}) {
    super(type, options);
    this.detail = detail;
  }
};

// since Node 20.3
AbortSignal.any ??= (signals) => {
  const any = new AbortController();
  for (const signal of signals) {
    if (signal.aborted) any.abort(signal.reason);
    else signal.addEventListener('abort', () => any.abort(signal.reason), { once: true });
  }
  return any.signal;
};

// A module worker, as a thread.
globalThis.Worker = class {
  #thread;

  constructor(url) {
    this.#thread = new Thread(new URL('worker.mjs', import.meta.url), { workerData: url.href });
    this.#thread.on('message', (data) => this.onmessage?.({ data }));
    this.#thread.on('error', (err) => this.onerror?.(err));
    this.#thread.unref(); // does not keep the tests from ending
  }

  postMessage(data) {
    this.#thread.postMessage(data);
  }
};

const PIECE = 64 << 10;

// As much of XMLHttpRequest as send.js uses.
globalThis.XMLHttpRequest = class {
  upload = {};
  status = 0;
  responseText = '';
  #headers = {};
  #request = null;
  #answer = null;
  #over = false;

  open(method, url) {
    this.method = method;
    this.url = new URL(url);
  }

  setRequestHeader(name, value) {
    this.#headers[name] = value;
  }

  getResponseHeader(name) {
    return this.#answer?.headers[name.toLowerCase()] ?? null;
  }

  abort() {
    this.#end(() => this.onabort?.());
    this.#request?.destroy();
  }

  async send(body) {
    try {
      const whole = new Response(body);
      const bytes = Buffer.from(await whole.arrayBuffer());
      if (this.#over) return;
      const type = whole.headers.get('Content-Type');
      if (type) this.#headers['Content-Type'] ??= type;
      this.#start(bytes);
    } catch {
      this.#end(() => this.onerror?.());
    }
  }

  #start(bytes) {
    const headers = { ...this.#headers, 'Content-Length': bytes.length };
    this.#request = http.request(this.url, { method: this.method, headers, agent: false }, (answer) => this.#read(answer));
    this.#request.on('error', () => this.#end(() => this.onerror?.()));
    this.#write(bytes, 0);
  }

  #write(bytes, from) {
    if (this.#over) return;
    if (from >= bytes.length) {
      this.#request.end();
      return;
    }
    const to = Math.min(from + PIECE, bytes.length);
    this.#request.write(bytes.subarray(from, to), (err) => {
      if (err || this.#over) return;
      this.upload.onprogress?.({ loaded: to });
      this.#write(bytes, to);
    });
  }

  #read(answer) {
    const parts = [];
    answer.on('data', (part) => parts.push(part));
    answer.on('error', () => this.#end(() => this.onerror?.()));
    answer.on('end', () => {
      this.#answer = answer;
      this.status = answer.statusCode;
      this.responseText = Buffer.concat(parts).toString();
      this.#end(() => this.onload?.());
    });
  }

  #end(tell) {
    if (this.#over) return;
    this.#over = true;
    tell();
  }
};
