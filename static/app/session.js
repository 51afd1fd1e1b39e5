// One upload as the server knows it: its ID, the digest it is bound to, its chunks, and what this browser remembers of it.

import { Code } from './api.js';
import { Chunks, sendMissing } from './chunks.js';
import { abortable } from './instant.js';
import { transient } from './retry.js';

// Twin is thrown when another upload of this page brings the same content.
export class Twin extends Error {
  constructor(other) {
    super('another upload brings this content');
    this.other = other;
  }
}

export class Session {
  boundTo = ''; // the digest that the server knows for this upload
  #chunks = null;
  #release = () => {}; // tells other pages that nobody works on it any more

  // call makes a request on behalf of the upload, progress counts what goes.
  constructor(engine, upload, { id, call, progress, changed }) {
    Object.assign(this, { engine, upload, id, call, progress, changed });
  }

  // recall shows an unfinished upload of the server.
  recall(session) {
    this.boundTo = session.FileHash;
    this.#follow(new Chunks(session));
  }

  get missing() {
    return this.#chunks.missing().length;
  }

  // open begins the upload on the server, or takes up the one that is there. A beginning is not aborted: an upload whose
  // ID nobody has learned could not be cancelled.
  async open(about, signal) {
    const { engine, upload } = this;
    const initial = { ...about, chunksize: engine.pace.chunkSize };
    const session = this.id
      ? await this.call(signal, () => engine.api.init({ uploadid: this.id }, signal))
      : await this.call(signal, this.#beginning(initial));
    const twin = engine.claim(upload, session.UploadID);
    if (twin) {
      this.leave();
      throw new Twin(twin);
    }
    this.id = session.UploadID;
    this.recall(session);
    const { name, size, mtime, path, handle } = upload;
    engine.notes.put(this.id, { name, size, mtime, path });
    if (handle) engine.handles?.put(this.id, handle);
    this.release();
    this.#release = engine.locks.hold(this.id);
  }

  // beginning makes the request that begins an upload. Each one without a digest begins another, and each holds the quota: a
  // repeat looks first for what the one whose answer was lost has begun.
  #beginning(about) {
    const { engine } = this;
    let tried = false;
    return async () => {
      const lost = tried && !about.filehash && (await this.#lost(about));
      tried = true;
      return lost || engine.api.init(about);
    };
  }

  // lost finds an upload of that file that has got nothing yet, and that no page works on.
  async #lost({ filename, filesize }) {
    const { engine } = this;
    for (const s of (await engine.api.status()) ?? []) {
      const alike = !s.FileHash && !s.ChunkExists?.length && s.FileName === filename && s.FileSize === filesize;
      const taken = () => engine.uploads.some((u) => u.uploadId === s.UploadID);
      if (alike && !taken() && !(await engine.locks.elsewhere(s.UploadID))) return s;
    }
    return null;
  }

  // bind tells the server the digest, once it is known.
  async bind(digest, signal) {
    if (this.boundTo) return;
    const about = { uploadid: this.id, filehash: digest, filesize: this.upload.size };
    const session = await this.call(signal, () => this.engine.api.init(about, signal));
    if (session.UploadID !== this.id) {
      throw Object.assign(new Error('moved'), { name: 'ApiError', code: Code.Conflict, data: session });
    }
    this.boundTo = digest;
  }

  // send sends every chunk that is missing.
  send(signal) {
    const send = (index, stop) => this.call(stop, () => this.#sendChunk(index, stop));
    return sendMissing(this.#chunks, { slots: this.engine.slots, signal, send });
  }

  // sendAgain sends chunks that the server does not have, or has wrong.
  sendAgain(indexes, signal) {
    this.#chunks.drop(indexes);
    return this.send(signal);
  }

  async #sendChunk(index, signal) {
    const { api, hasher, pace, slots } = this.engine;
    const { start, end } = this.#chunks.extent(index);
    const body = this.upload.file.slice(start, end);
    const sha1 = await abortable(hasher.digest(body).result, signal);
    const begun = performance.now();
    try {
      await api.sendChunk({ uploadid: this.id, index, body, sha1 }, { signal, onProgress: (loaded) => this.#count(index, loaded) });
    } catch (err) {
      this.#count(index, 0);
      if (!signal.aborted && transient(err)) slots.lanes.failed(begun, performance.now());
      if (!signal.aborted && err.offline) await this.#askWhy(err, signal);
      // The bytes were hurt on the way: the server has dropped them, and the next try is as good as the first.
      if (err.code === Code.DigestMismatch) throw Object.assign(err, { status: 503 });
      throw err;
    }
    const now = performance.now();
    pace.sent(body.size, now - begun);
    slots.lanes.sent(body.size, now, slots.full);
  }

  // askWhy tells a refusal that was lost to a reset from a dead line: it throws what the server says of the session or the
  // upload, and marks the failure if the server has nothing to say against them.
  async #askWhy(failure, signal) {
    try {
      await this.engine.api.status(this.id, signal);
    } catch (err) {
      if (err.offline) return;
      throw err;
    }
    failure.reached = true;
  }

  // cancel gives up the upload on the server. If that does not get through, it expires there by itself.
  async cancel() {
    const { id } = this;
    if (!id) return;
    this.leave();
    try {
      await this.engine.api.cancel(id);
    } catch (err) {
      if (err.name !== 'ApiError') throw err;
    }
  }

  // moveTo goes on with another upload of the same content.
  async moveTo(id) {
    await this.cancel();
    this.id = id;
  }

  leave() {
    this.forget();
    this.id = '';
    this.boundTo = '';
    this.#follow(null);
  }

  // forget drops what this browser remembers.
  forget() {
    if (!this.id) return;
    this.engine.notes.drop(this.id);
    this.engine.handles?.drop(this.id);
  }

  release() {
    this.#release();
  }

  #follow(chunks) {
    this.#chunks = chunks;
    this.progress.follow(chunks);
  }

  #count(index, loaded) {
    this.progress.chunk(index, loaded);
    this.changed();
  }
}
