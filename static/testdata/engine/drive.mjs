// What the tests need of the drive, of the line to it, and of a person.

import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';

import './browser.mjs';
import { Api } from './app/api.js';
import { UploadEngine } from './app/engine.js';
import { Hasher } from './app/hasher.js';
import { QueueStore } from './app/queue-store.js';

const { BLINKDRIVE_TEST_LINE: base, BLINKDRIVE_TEST_CONTROL: control } = process.env;
const PATIENCE = 90_000;
const PASSWORD = 'correct horse';

// tell controls the line and the server, as line_test.go and node_test.go say.
export async function tell(what, about = {}) {
  const answer = await fetch(`${control}/${what}`, { method: 'POST', body: JSON.stringify(about) });
  assert.ok(answer.ok, `${what}: ${answer.status}`);
  return answer.json();
}

export const count = (path) => tell('count', { path });

// until waits for a condition.
export async function until(what, met) {
  for (const end = Date.now() + PATIENCE; !(await met()); ) {
    if (Date.now() > end) assert.fail(`waited in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

export const chunk = 5 << 20; // what the engine begins with

// newFile makes a file that no drive has seen, of chunks that the machine does not take long to make.
export function newFile(name, size) {
  const bytes = Buffer.alloc(size, randomBytes(Math.min(size, 1 << 20)));
  for (let at = 0; at + 8 <= size; at += chunk) bytes.writeDoubleLE(Math.random(), at);
  return new File([bytes], name, { lastModified: Date.UTC(2020, 1, 29) });
}

export async function sha1(blob) {
  return createHash('sha1').update(Buffer.from(await blob.arrayBuffer())).digest('hex');
}

// A LateHasher tells no file's digest before it may. Chunks are hashed too, but are no files.
export class LateHasher extends Hasher {
  constructor(may) {
    super();
    this.may = may;
  }

  digest(file) {
    const job = super.digest(file);
    if (!(file instanceof File)) return job;
    return { ...job, result: Promise.all([job.result, this.may]).then(([digest]) => digest) };
  }
}

// A QuickHasher has read most of a file at once, and will soon have read the rest.
export class QuickHasher extends Hasher {
  digest(file, onProgress) {
    onProgress?.(file.size);
    return super.digest(file);
  }
}

// A Person has an account, and an engine for each time that the page is opened.
export class Person {
  memory = new Map();

  static async join() {
    const person = new Person();
    person.name = `node-${randomBytes(6).toString('hex')}`;
    person.api = new Api({ base });
    await person.api.signup(person.name, PASSWORD);
    await person.signIn();
    return person;
  }

  async signIn() {
    const { Token } = await this.api.signin(this.name, PASSWORD);
    this.api.headers = { Authorization: `Bearer ${Token}` };
  }

  // open is what loading the page does. ask is the answer to each question, or a function of the question. said are the things that the engine told or asked.
  open({ ask = 'rename', hasher = new Hasher() } = {}) {
    const { memory } = this;
    const storage = { getItem: (key) => memory.get(key) ?? null, setItem: (key, value) => memory.set(key, value) };
    const engine = new UploadEngine({ api: this.api, hasher, notes: new QueueStore(storage),
      ask: async (question) => (this.asked.push(question.name), typeof ask === 'function' ? ask(question) : ask) });
    this.asked = [];
    this.engine = engine;
    return engine;
  }

  // leavesNothing waits until no upload is unfinished on the drive: what is not needed is cancelled in the background.
  async leavesNothing() {
    await until('no unfinished upload', async () => (await this.api.status()).length === 0);
  }

  // bring uploads files and waits for their end.
  async bring(files, path = '/') {
    this.engine.add(files, path);
    await this.settled();
    return this.engine.uploads.slice(-files.length);
  }

  async settled() {
    await until('the end of all uploads', () => !this.engine.busy);
  }

  // reaches waits until an upload is in a state.
  async reaches(upload, state) {
    await until(`${upload.name} to be ${state}`, () => {
      if (upload.state !== state && upload.state === 'failed') throw upload.error;
      return upload.state === state;
    });
  }

  // has checks that the drive gives back what was brought.
  async has(entry, file) {
    const answer = await fetch(this.api.downloadURL(entry.ID ?? entry), { headers: this.api.headers });
    assert.equal(answer.status, 200);
    assert.equal(await sha1(await answer.blob()), await sha1(file));
  }
}
