// The queue of uploads. It knows neither the DOM nor fetch: the API, the hasher and the notes are given to it.
//
// Events: "list" (uploads came or went), "change" (detail: an upload whose figures moved), "finished" (detail: an upload
// whose file is now in the drive), "signin" (the session is over; uploads wait until signedIn is called).

import { Slots } from './chunks.js';
import { persist, Waiting } from './retry.js';
import { matches } from './queue-store.js';
import { ACTIVE, ENDED, Upload } from './upload.js';

const FILES = 3; // at once
const CHUNKS = 4; // on the way at once, over all files; browsers open six connections to a host

export class UploadEngine extends EventTarget {
  uploads = [];

  #waiting = new Waiting();
  #lastId = 0;
  #askFrom = 0; // when asking for instant uploads makes sense again
  #session = null; // while signed out: {promise, resolve}
  #signins = 0;

  constructor({ api, hasher, notes, files = FILES, chunks = CHUNKS }) {
    super();
    Object.assign(this, { api, hasher, notes, files });
    this.slots = new Slots(chunks);
  }

  // add queues files for a folder. One that looks like an unfinished upload continues that.
  add(files, path) {
    for (const file of files) {
      const name = file.name.normalize('NFC');
      const unfinished = this.uploads.find((u) => u.state === 'needsfile' && this.#looksLike(file, name, u));
      if (unfinished) this.attach(unfinished, file);
      else this.#new({ file, name, size: file.size, mtime: file.lastModified, path });
    }
    this.#listed();
    this.#pump();
  }

  // recall lists what the server says is unfinished; those uploads need their files again.
  async recall() {
    const sessions = (await this.api.status()) ?? [];
    this.notes.keep([...sessions.map((s) => s.UploadID), ...this.uploads.map((u) => u.uploadId)]);
    for (const session of sessions) {
      if (this.uploads.some((u) => u.uploadId === session.UploadID)) continue;
      const note = this.notes.get(session.UploadID);
      const about = { name: session.FileName, size: session.FileSize, mtime: note?.mtime, path: note?.path };
      this.#new({ ...about, uploadId: session.UploadID, state: 'needsfile' }).recall(session);
    }
    this.#listed();
  }

  // attach continues an unfinished upload with a file; false: it cannot be that file.
  attach(upload, file) {
    if (upload.state !== 'needsfile' || file.size !== upload.size) return false;
    const note = this.notes.get(upload.uploadId);
    const same = this.#looksLike(file, file.name.normalize('NFC'), upload);
    upload.attach(file, same && note?.mtime === file.lastModified);
    return true;
  }

  pause(upload) {
    if (upload.state === 'queued' || ACTIVE.has(upload.state)) upload.pause();
  }

  resume(upload) {
    if (upload.state === 'paused' || (upload.state === 'failed' && upload.file)) upload.unpause();
  }

  // cancel ends an upload, also on the server, and takes it off the list; so does discarding one that needs its file.
  async cancel(upload) {
    this.remove(upload);
    await upload.cancel();
  }

  remove(upload) {
    this.uploads = this.uploads.filter((u) => u !== upload);
    this.#listed();
  }

  clearEnded() {
    this.uploads = this.uploads.filter((u) => u.state !== 'done' && u.state !== 'instant');
    this.#listed();
  }

  get busy() {
    return this.uploads.some((u) => u.state === 'queued' || ACTIVE.has(u.state));
  }

  // wake tries again what waits for the network.
  wake() {
    this.#waiting.wake();
  }

  signedIn() {
    this.#signins++;
    this.#session?.resolve();
    this.#session = null;
  }

  // What follows is for the uploads.

  // call makes a request, again while that may help; a signed-out session waits for the person to sign in.
  async call(request, { signal, onWait, once }) {
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

  // signedOut makes all uploads wait and asks for the password.
  signedOut() {
    if (this.#session) return;
    this.#session = {};
    this.#session.promise = new Promise((resolve) => {
      this.#session.resolve = resolve;
    });
    this.dispatchEvent(new CustomEvent('signin'));
  }

  // mayAsk says whether asking for an instant upload is worth it, and allowed: too many misses and the server refuses.
  mayAsk(size, from) {
    return size >= from && Date.now() >= this.#askFrom;
  }

  askLater(seconds) {
    this.#askFrom = Date.now() + seconds * 1000;
  }

  // claim says that an upload works on a session from now on. The upload that does already is returned.
  claim(upload, uploadId) {
    const other = this.uploads.find((u) => u !== upload && u.uploadId === uploadId);
    if (!other) return null;
    if (other.state !== 'needsfile' && !ENDED.has(other.state)) return other;
    this.remove(other);
    return null;
  }

  changed(upload) {
    this.dispatchEvent(new CustomEvent('change', { detail: upload }));
  }

  stateChanged(upload) {
    this.changed(upload);
    queueMicrotask(() => this.#pump());
  }

  finished(upload) {
    this.dispatchEvent(new CustomEvent('finished', { detail: upload }));
  }

  #pump() {
    let active = this.uploads.filter((u) => ACTIVE.has(u.state)).length;
    for (const upload of this.uploads) {
      if (active >= this.files) return;
      if (upload.state !== 'queued' || (upload.waitFor && !this.#gone(upload.waitFor))) continue;
      upload.waitFor = null;
      upload.start();
      active++;
    }
  }

  #gone(upload) {
    return ENDED.has(upload.state) || !this.uploads.includes(upload);
  }

  #new(about) {
    const upload = new Upload(this, { id: ++this.#lastId, ...about });
    this.uploads.push(upload);
    return upload;
  }

  #looksLike(file, name, upload) {
    const seen = { name, size: file.size, lastModified: file.lastModified };
    return matches(seen, upload, this.notes.get(upload.uploadId));
  }

  #listed() {
    this.dispatchEvent(new CustomEvent('list'));
  }
}
