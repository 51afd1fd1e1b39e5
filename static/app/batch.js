// Thousands of small files: those of one folder go up together in one form, which the server takes whole or not at all.
// What is in doubt leaves the batch and goes up alone, as any file does.

import { faultOf } from './entry-name.js';
import { Code } from './send.js';

const SMALL = 256 << 10;
const FILES = 100;
const BYTES = 8 << 20;

const UNSAFE = /["\\\x00-\x1f]/; // a form cannot carry these in a name as they are

export function suitsBatch(upload) {
  return upload.size <= SMALL && !upload.alone && !upload.uploadId && upload.file && !UNSAFE.test(upload.name) &&
    !faultOf(upload.name);
}

export class Batch {
  #abort = new AbortController();

  constructor(engine, uploads) {
    Object.assign(this, { engine, uploads });
  }

  // gather makes a batch of an upload and those of the queue that go to the same folder in the same way.
  static gather(engine, first, queue) {
    const uploads = [];
    let bytes = 0;
    const fits = (u) => u.path === first.path && u.conflict === first.conflict && u.group === first.group;
    for (const upload of [first, ...queue]) {
      if (uploads.length === FILES || bytes + upload.size > BYTES) break;
      if (upload.state !== 'queued' || upload.waitFor || upload.batch || !suitsBatch(upload) || !fits(upload)) continue;
      uploads.push(upload);
      bytes += upload.size;
    }
    const batch = new Batch(engine, uploads);
    for (const upload of uploads) upload.batch = batch;
    return batch;
  }

  async start() {
    for (const upload of [...this.uploads]) upload.enter('hashing');
    try {
      await this.#run(this.#abort.signal);
    } catch (err) {
      if (!this.#abort.signal.aborted) this.#disband(this.uploads);
      else if (err !== this.#abort.signal.reason) throw err;
    } finally {
      this.engine.batchEnded(this);
    }
  }

  // breakUp stops the batch because one of it was paused or cancelled; the others queue up again.
  breakUp() {
    if (this.#abort.signal.aborted) return;
    this.#abort.abort(new Error('the batch was broken up'));
    this.engine.names.forget(this.uploads[0]?.path); // some may have arrived
    const gone = [...this.uploads];
    this.#leave(gone);
    for (const upload of gone) if (upload.state === 'hashing' || upload.state === 'uploading') upload.enter('queued');
  }

  async #run(signal) {
    await this.#sortOut(signal);
    if (!this.uploads.length) return;
    for (const upload of this.uploads) upload.enter('uploading');
    const [{ path, conflict = 'fail' }] = this.uploads;
    const onWait = (why) => {
      for (const upload of this.uploads) upload.tellWaiting(why);
    };
    const send = () => this.engine.api.sendForm(this.uploads.map((u) => u.file), { path, conflict }, { signal,
      onProgress: (loaded) => this.#progress(loaded) });
    const metas = await this.engine.call(send, { signal, onWait });
    for (const [i, upload] of [...this.uploads].entries()) await this.#arrived(upload, metas[i], { signal, onWait });
  }

  // sortOut hashes the files, and lets those go whose name is taken or that cannot be read.
  async #sortOut(signal) {
    const odd = [];
    for (const upload of [...this.uploads]) {
      const taken = !upload.conflict && (await this.engine.names.find(upload.path, upload.name));
      const digest = taken ? '' : await this.engine.hasher.digest(upload.file).result.catch(() => '');
      signal.throwIfAborted();
      if (digest) upload.setDigest(digest);
      else odd.push(upload);
    }
    this.#disband(odd);
  }

  async #arrived(upload, meta, options) {
    if (meta.FileSha1 === upload.digest) {
      this.#leave([upload]);
      upload.arrive(meta);
      return;
    }
    // The bytes were hurt on the way. They must not stay, whatever becomes of the requests.
    for (const what of ['remove', 'purge']) {
      await this.engine.call(() => this.engine.api[what](meta.ID).catch(unlessGone), options);
    }
    this.#leave([upload]);
    upload.alone = true;
    upload.enter('queued');
  }

  #progress(loaded) {
    const size = this.uploads.reduce((sum, u) => sum + u.size, 0) || 1;
    for (const upload of this.uploads) upload.tellSent(Math.min(upload.size, (loaded / size) * upload.size));
  }

  // disband sends uploads on their way alone.
  #disband(uploads) {
    if (!uploads.length) return;
    this.engine.names.forget(uploads[0].path);
    const gone = [...uploads];
    this.#leave(gone);
    for (const upload of gone) {
      upload.alone = true;
      if (upload.state === 'hashing' || upload.state === 'uploading') upload.enter('queued');
    }
  }

  #leave(uploads) {
    const gone = new Set(uploads);
    for (const upload of gone) upload.batch = null;
    this.uploads = this.uploads.filter((u) => !gone.has(u));
  }
}

// unlessGone lets a repeated request find that the first was carried out.
function unlessGone(err) {
  if (err.code !== Code.NotFound) throw err;
}
