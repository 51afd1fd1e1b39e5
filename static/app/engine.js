// The queue of uploads. It knows neither the DOM nor fetch: the API, the hasher, the notes and the rest are given to it.
//
// Events: "list" (uploads came or went), "change" (detail: an upload whose figures moved), "finished" (detail: an upload
// whose file is now in the drive), "signin" (the session is over; uploads wait until signedIn is called).

import { Batch, suitsBatch } from './batch.js';
import { Calls } from './calls.js';
import { Slots } from './chunks.js';
import { allowed } from './handles.js';
import { Lanes } from './lanes.js';
import { UploadLocks } from './locks.js';
import { Names } from './names.js';
import { Pace } from './pace.js';
import { matches } from './queue-store.js';
import { ACTIVE, ENDED, OVER, Upload } from './upload.js';

const FILES = 3; // at once

export class UploadEngine extends EventTarget {
  uploads = [];
  pace = new Pace();
  slots = new Slots(new Lanes());

  #queue = []; // uploads that wait for their turn, in order
  #waitingForTwin = new Set();
  #running = new Set(); // uploads and batches
  #pumping = false;
  #lastId = 0;
  #askFrom = 0; // when asking for instant uploads makes sense again
  #calls = new Calls(() => this.dispatchEvent(new CustomEvent('signin')));
  #ending = 0; // cancels on their way

  // handles keeps files' handles, locks tells pages of one browser apart, ask({group, name, folder, replace}) answers name clashes
  // by rename, replace or skip.
  constructor({ api, hasher, notes, handles = null, locks = null, ask = async () => 'rename', files = FILES }) {
    super();
    Object.assign(this, { api, hasher, notes, handles, ask, files });
    this.locks = new UploadLocks(locks);
    this.names = new Names(api);
  }

  // add queues files for a folder: Files, or {file, folder, handle} with the folder they lie in below that. One that
  // looks like an unfinished upload continues that.
  // group is what a person did at once: what is answered for all of it is for these.
  add(items, path, group = {}) {
    const unfinished = this.uploads.filter((u) => u.state === 'needsfile');
    for (const item of items) {
      const { file, folder, handle } = item instanceof File ? { file: item, folder: folderOf(item) } : item;
      const name = file.name.normalize('NFC');
      const found = unfinished.find((u) => u.state === 'needsfile' && this.#looksLike(file, name, u));
      const into = below(path, folder);
      if (found) this.attach(found, file, handle);
      else this.#new({ file, handle, name, size: file.size, mtime: file.lastModified, path: into, group });
    }
    this.#listed();
  }

  // recall lists what the server says is unfinished; those uploads need their files again, or go on by their handles.
  async recall() {
    const sessions = (await this.api.status()) ?? [];
    const ids = [...sessions.map((s) => s.UploadID), ...this.uploads.map((u) => u.uploadId)];
    this.notes.keep(ids);
    this.handles?.keep(ids);
    const recalled = [];
    for (const session of sessions) {
      if (this.uploads.some((u) => u.uploadId === session.UploadID)) continue;
      const note = this.notes.get(session.UploadID);
      const about = { name: session.FileName, size: session.FileSize, mtime: note?.mtime, path: note?.path };
      const upload = this.#new({ ...about, uploadId: session.UploadID, state: 'needsfile' });
      upload.recall(session);
      recalled.push(upload);
    }
    this.#listed();
    for (const upload of recalled) await this.#continueAlone(upload);
  }

  async #continueAlone(upload) {
    upload.handle = (await this.handles?.get(upload.uploadId)) ?? null;
    if (!upload.handle) return;
    this.changed(upload);
    if (!(await this.locks.elsewhere(upload.uploadId))) await this.continue(upload, { ask: false });
  }

  // continue takes up an unfinished upload by its handle, asking the person where that is needed; false: it cannot.
  async continue(upload, { ask = true } = {}) {
    if (!upload.handle || !(await allowed(upload.handle, ask))) return false;
    try {
      return this.attach(upload, await upload.handle.getFile());
    } catch {
      upload.handle = null; // the file is gone or another
      this.handles?.drop(upload.uploadId);
      this.changed(upload);
      return false;
    }
  }

  // attach continues an unfinished upload with a file; false: it cannot be that file.
  attach(upload, file, handle = upload.handle) {
    if (upload.state !== 'needsfile' || file.size !== upload.size) return false;
    const note = this.notes.get(upload.uploadId);
    const same = this.#looksLike(file, file.name.normalize('NFC'), upload);
    upload.attach(file, same && note?.mtime === file.lastModified, handle);
    return true;
  }

  pause(upload) {
    if (upload.state !== 'queued' && !ACTIVE.has(upload.state)) return;
    upload.pause();
    upload.batch?.breakUp();
  }

  resume(upload) {
    if (upload.state === 'paused' || (upload.state === 'failed' && upload.file)) upload.unpause();
  }

  // cancel ends an upload, also on the server, and takes it off the list; so does discarding one that needs its file.
  async cancel(upload) {
    this.remove(upload);
    const { batch } = upload;
    this.#ending++;
    try {
      const ended = upload.cancel();
      batch?.breakUp();
      await ended;
    } finally {
      this.#ending--;
    }
  }

  remove(upload) {
    this.uploads = this.uploads.filter((u) => u !== upload);
    this.#listed();
  }

  // What a person may do with all at once.

  pauseAll() {
    for (const upload of this.uploads) this.pause(upload);
  }

  resumeAll() {
    for (const upload of this.uploads) if (upload.state === 'paused') this.resume(upload);
  }

  retryAll() {
    for (const upload of this.uploads) if (upload.state === 'failed') this.resume(upload);
  }

  async cancelAll() {
    const going = this.uploads.filter((u) => !OVER.has(u.state) && u.state !== 'needsfile' && u.state !== 'checking');
    for (const upload of going) if (upload.state === 'queued') upload.pause(); // so that none starts meanwhile
    const gone = new Set(going);
    this.uploads = this.uploads.filter((u) => !gone.has(u));
    this.#listed();
    await Promise.all(going.map((upload) => this.cancel(upload)));
  }

  clearEnded() {
    this.uploads = this.uploads.filter((u) => !OVER.has(u.state));
    this.#listed();
  }

  get busy() {
    return this.#ending > 0 || this.uploads.some((u) => u.state === 'queued' || ACTIVE.has(u.state));
  }

  // wake tries again what waits for the network.
  wake() {
    this.#calls.wake();
  }

  // signedOut makes all uploads wait and asks for the password.
  signedOut() {
    this.#calls.signedOut();
  }

  // hold makes all uploads wait until signedIn is called, without asking for the password.
  hold() {
    this.#calls.hold();
  }

  signedIn() {
    this.#calls.signedIn();
  }

  // What follows is for the uploads.

  call(request, options) {
    return this.#calls.make(request, options);
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
    if (upload.state === 'queued') this.#queue.push(upload);
    if (ACTIVE.has(upload.state)) this.#running.add(upload.batch ?? upload);
    else if (!upload.batch) this.#running.delete(upload);
    this.changed(upload);
    this.#pumpSoon();
  }

  batchEnded(batch) {
    this.#running.delete(batch);
    this.#pumpSoon();
  }

  finished(upload) {
    this.names.add(upload.path, upload.entry);
    this.dispatchEvent(new CustomEvent('finished', { detail: upload }));
  }

  #pumpSoon() {
    if (this.#pumping) return;
    this.#pumping = true;
    queueMicrotask(() => {
      this.#pumping = false;
      this.#pump();
    });
  }

  #pump() {
    for (const upload of this.#waitingForTwin) {
      if (!this.#gone(upload.waitFor)) continue;
      this.#waitingForTwin.delete(upload);
      upload.waitFor = null;
      this.#queue.push(upload);
    }
    while (this.#running.size < this.files && this.#queue.length) this.#startNext();
  }

  #startNext() {
    const upload = this.#queue.shift();
    if (upload.state !== 'queued' || upload.batch) return;
    if (upload.waitFor) {
      this.#waitingForTwin.add(upload);
      this.#pumpSoon();
    } else if (suitsBatch(upload)) {
      const batch = Batch.gather(this, upload, this.#queue);
      this.#queue = this.#queue.filter((u) => !u.batch);
      batch.start();
    } else {
      upload.start();
    }
  }

  #gone(upload) {
    return ENDED.has(upload.state) || !this.uploads.includes(upload);
  }

  #new(about) {
    const upload = new Upload(this, { id: ++this.#lastId, ...about });
    this.uploads.push(upload);
    if (upload.state === 'queued') this.stateChanged(upload);
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

// folderOf is where a file lies in a folder that was chosen as a whole.
function folderOf(file) {
  return (file.webkitRelativePath ?? '').split('/').slice(0, -1).join('/');
}

function below(path, folder) {
  if (!folder) return path;
  return `${path === '/' ? '' : path}/${folder.normalize('NFC')}`;
}
