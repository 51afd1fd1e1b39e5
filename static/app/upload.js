// One file on its way to the drive.
//
//	queued → hashing → uploading → checking → done
//	            ↘          ↘ instant: the drive had the content already
//	asking: the name is taken; then it goes on, or ends as skipped, or as present: it is the very file
//	paused, failed, cancelled; needsfile: unfinished on the server, and the browser does not have the file any more
//
// A large file's chunks go up while it is hashed. A small one is hashed first, because asking then saves more than waiting.

import { Code } from './api.js';
import { Chunks, sendMissing } from './chunks.js';
import { abortable, askInstant } from './instant.js';
import { Progress } from './progress.js';
import { settleName } from './taken.js';

const SMALL = 5 << 20; // hashed before anything is sent
const ASK_FROM = 256 << 10; // below, sending is quicker than a proof
const TURNS = 5; // how often an upload may start over because of what the server says
const REPAIRS = 3; // how often complete may ask for chunks again

export const OVER = new Set(['done', 'instant', 'present', 'skipped']); // nothing is left to do
export const ENDED = new Set([...OVER, 'failed', 'cancelled']);
export const ACTIVE = new Set(['hashing', 'uploading', 'checking', 'asking']);

// Stopped is why requests are aborted when a person pauses or cancels.
class Stopped extends Error {}

// Twin is thrown when another upload of this page brings the same content.
class Twin extends Error {
  constructor(other) {
    super('another upload brings this content');
    this.other = other;
  }
}

export class NotSame extends Error {
  name = 'NotSame';
}

export class Upload {
  state = 'queued';
  note = ''; // why it waits: offline, signin
  error = null;
  hashed = 0;
  entry = null; // the result
  waitFor = null; // the upload that brings the same content
  conflict = undefined; // what is done about a taken name, once that was asked
  batch = null; // the form that it goes up in, if it is small
  alone = false; // it must not go up in a form

  #progress = new Progress();
  #chunks = null;
  #digest = '';
  #boundTo = ''; // the digest that the server knows for this upload
  #hashing = null;
  #asking = 'may'; // may, must (the drive said it has it), no (asked already)
  #run = null;
  #abort = null;
  #release = () => {}; // tells other pages that the session is free

  constructor(engine, { id, file = null, handle = null, name, size, mtime, path, group = {}, uploadId = '', state = 'queued' }) {
    this.engine = engine;
    Object.assign(this, { id, file, handle, name, size, mtime, path, group, uploadId, state });
  }

  get sent() {
    if (OVER.has(this.state)) return this.size;
    return this.#progress.sent;
  }

  get digest() {
    return this.#digest;
  }

  get speed() {
    return this.#progress.speed;
  }

  // secondsLeft is undefined while nobody can know.
  get secondsLeft() {
    const speed = this.speed;
    return speed > 0 ? (this.size - this.sent) / speed : undefined;
  }

  // Control, by the engine only.

  start() {
    const before = this.#run;
    this.#abort = new AbortController();
    this.#progress.start();
    this.error = null;
    this.#set(this.size > SMALL ? 'uploading' : 'hashing');
    this.#run = this.#whole(before, this.#abort.signal);
  }

  // recall shows an unfinished upload of the server that has no file here.
  recall(session) {
    this.#follow(new Chunks(session));
    this.#boundTo = session.FileHash;
  }

  // attach gives the file to an upload that needs one. trusted: it surely is the same, so that it need not be hashed.
  attach(file, trusted, handle = null) {
    Object.assign(this, { file, handle });
    this.mtime = file.lastModified;
    this.name ||= file.name.normalize('NFC');
    this.error = null;
    if (trusted) this.#digest = this.#boundTo;
    this.#set('queued');
  }

  pause() {
    this.#hashing?.pause();
    this.#stop('paused');
  }

  unpause() {
    this.#set('queued');
  }

  // What a batch does with its uploads.

  enter(state) {
    this.error = null;
    this.#progress.form(0);
    this.#set(state);
  }

  setDigest(digest) {
    this.#digest = digest;
    this.hashed = this.size;
  }

  tellSent(bytes) {
    this.#progress.form(bytes);
    this.engine.changed(this);
  }

  tellWaiting(why) {
    this.note = why;
    this.engine.changed(this);
  }

  arrive(entry) {
    this.entry = entry;
    this.#finish('done');
  }

  async cancel() {
    this.#hashing?.stop();
    this.#stop('cancelled');
    await this.#run;
    await this.#cancelSession();
  }

  #stop(state) {
    this.#set(state);
    this.#abort?.abort(new Stopped(state));
  }

  // The run.

  async #whole(before, signal) {
    await before;
    try {
      await this.#turns(signal);
    } catch (err) {
      if (!signal.aborted) this.#failed(err);
    } finally {
      this.#release();
    }
  }

  async #turns(signal) {
    for (let turn = 1; ; turn++) {
      try {
        this.#finish(await this.#turn(signal));
        return;
      } catch (err) {
        if (turn >= TURNS || !(await this.#recover(err, signal))) throw err;
      }
    }
  }

  // turn goes from wherever the upload stands to its end, and returns the state there.
  async #turn(signal) {
    this.#hashing?.resume();
    const early = await this.#taken(signal);
    if (early) return early;
    const hashFirst = this.size <= SMALL || this.#asking === 'must' || this.#boundTo;
    if (hashFirst && !this.#digest) await this.#hash(signal, 'hashing');
    if (this.#digest) {
      const end = await this.#known(signal);
      if (end) return end;
    }
    await this.#open(signal);
    this.#set('uploading');
    return (await this.#sendAndHash(signal)) || (await this.#complete(signal)) || 'done';
  }

  // taken finds out what is to be done if the name is taken; where that ends the upload, it returns the end. sure: the
  // drive has just said so.
  async #taken(signal, { sure = false } = {}) {
    if (this.conflict && !sure) return '';
    const { path, name, size } = this;
    const digest = () => this.#digest || this.#hash(signal, this.uploadId ? undefined : 'hashing');
    const ask = () => this.#askClash(signal);
    const how = await abortable(settleName({ names: this.engine.names, path, name, size, sure, digest, ask }), signal);
    if (how === 'present') return 'present';
    if (how === 'skip') return 'skipped';
    this.conflict = how || undefined;
    return '';
  }

  async #askClash(signal) {
    const { group, name, path: folder, state } = this;
    this.#set('asking');
    const how = await abortable(this.engine.ask({ group, name, folder }), signal);
    this.#set(state);
    return how;
  }

  // recover says whether another turn may do better after this error, and prepares it.
  async #recover(err, signal) {
    if (signal.aborted || err.name !== 'ApiError') return false;
    if (err.code === Code.AlreadyHave) {
      this.#asking = 'must';
      return true;
    }
    if (err.code === Code.Conflict && err.data?.UploadID) {
      await this.#moveTo(err.data.UploadID);
      return true;
    }
    if (err.status !== 404 || !this.uploadId) return false;
    this.#leaveSession(); // expired, or cancelled elsewhere
    return true;
  }

  // hash finds the digest. A run that was paused finds its work again in #hashing.
  async #hash(signal, state = this.state) {
    if (this.state !== state) this.#set(state);
    this.#hashing ??= this.engine.hasher.digest(this.file, (done) => {
      this.hashed = done;
      this.engine.changed(this);
    });
    try {
      this.#digest = await abortable(this.#hashing.result, signal);
    } catch (err) {
      if (!(err instanceof Stopped)) this.#hashing = null;
      throw err;
    }
    this.hashed = this.size;
    if (this.#boundTo && this.#boundTo !== this.#digest) throw new NotSame('this is another file');
    return this.#digest;
  }

  // known asks whether the drive has the content already, and makes the file of it if so; it returns the end, if it is one.
  async #known(signal) {
    const may = this.#asking === 'may' && !this.#boundTo && this.engine.mayAsk(this.size, ASK_FROM);
    if (!may && this.#asking !== 'must') return '';
    this.#asking = 'no';
    let answer = await this.#ask(signal);
    if (answer.noRoom && this.uploadId) {
      // The drive has it, but this very upload's reservation leaves no room for the link.
      await this.#cancelSession();
      answer = await this.#ask(signal);
    }
    if (answer.taken) {
      const end = await this.#taken(signal, { sure: true });
      if (end) return end;
      answer = await this.#ask(signal);
    }
    if (answer.retryAfter) this.engine.askLater(answer.retryAfter);
    if (answer.hit) this.entry = answer.entry;
    return answer.hit ? 'instant' : '';
  }

  #ask(signal) {
    const { api, hasher } = this.engine;
    const about = { ...this.#names(), filehash: this.#digest, filesize: this.size, conflict: this.conflict ?? 'fail' };
    const call = (request) => this.#call(signal, request, 'once');
    return askInstant({ api, hasher, call, file: this.file, about, signal });
  }

  // open begins the upload on the server, or takes up the one that is there. A beginning is not aborted: an upload
  // whose ID nobody has learned could not be cancelled.
  async #open(signal) {
    const { api } = this.engine;
    const session = this.uploadId
      ? await this.#call(signal, () => api.status(this.uploadId, signal))
      : await this.#call(signal, () => api.init(this.#initial()));
    const twin = this.engine.claim(this, session.UploadID);
    if (twin) {
      this.#leaveSession();
      throw new Twin(twin);
    }
    this.uploadId = session.UploadID;
    this.#boundTo = session.FileHash;
    this.#follow(new Chunks(session));
    this.engine.notes.put(this.uploadId, { name: this.name, size: this.size, mtime: this.mtime, path: this.path });
    if (this.handle) this.engine.handles?.put(this.uploadId, this.handle);
    this.#release();
    this.#release = this.engine.hold(this.uploadId);
  }

  #initial() {
    const { chunkSize } = this.engine.pace;
    return { ...this.#names(), filesize: this.size, filehash: this.#digest || undefined, chunksize: chunkSize };
  }

  #names() {
    const mtime = this.mtime ? new Date(this.mtime).toISOString() : undefined;
    return { filename: this.name, path: this.path, mtime };
  }

  // sendAndHash sends the chunks while the digest is found and settled; it returns the end when the upload turned instant.
  async #sendAndHash(signal) {
    const end = new AbortController();
    const both = AbortSignal.any([signal, end.signal]);
    const sending = this.#sendMissing(both);
    const settling = this.#settle(both);
    settling.catch(() => {});
    try {
      // Either one's failure counts at once; hashing may have hours to go.
      const end = await Promise.race([settling, sending.then(() => settling)]);
      if (!end) await sending;
      return end;
    } finally {
      end.abort(new Stopped('ended'));
      await sending.catch(() => {});
    }
  }

  async #settle(signal) {
    if (!this.#digest) await this.#hash(signal);
    const known = this.#chunks.missing().length > 0 && (await this.#known(signal));
    if (known) return known;
    if (this.#boundTo) return '';
    const about = { uploadid: this.uploadId, filehash: this.#digest, filesize: this.size };
    const session = await this.#call(signal, () => this.engine.api.init(about, signal));
    if (session.UploadID !== this.uploadId) {
      throw Object.assign(new Error('moved'), { name: 'ApiError', code: Code.Conflict, data: session });
    }
    this.#boundTo = this.#digest;
    return '';
  }

  #sendMissing(signal) {
    const send = (index, stop) => this.#call(stop, () => this.#sendChunk(index, stop));
    return sendMissing(this.#chunks, { slots: this.engine.slots, signal, send });
  }

  async #sendChunk(index, signal) {
    const { start, end } = this.#chunks.extent(index);
    const body = this.file.slice(start, end);
    const sha1 = await abortable(this.engine.hasher.digest(body).result, signal);
    const onProgress = (loaded) => this.#count(index, loaded);
    const begun = performance.now();
    try {
      const about = { uploadid: this.uploadId, index, body, sha1 };
      await this.engine.api.sendChunk(about, { signal, onProgress });
      this.engine.pace.sent(body.size, performance.now() - begun);
    } catch (err) {
      this.#count(index, 0);
      // The bytes were hurt on the way: the server has dropped them, and the next try is as good as the first.
      if (err.code === Code.DigestMismatch) throw Object.assign(err, { status: 503 });
      throw err;
    }
  }

  // complete makes the file; it returns the end where that is another than done.
  async #complete(signal) {
    for (let repairs = 0; ; repairs++) {
      this.#set('checking');
      try {
        const about = { ...this.#names(), uploadid: this.uploadId, filehash: this.#digest, filesize: this.size,
          conflict: this.conflict ?? 'fail' };
        this.entry = await this.#call(signal, () => this.engine.api.complete(about, signal));
        return '';
      } catch (err) {
        if (repairs >= REPAIRS) throw err;
        const again = wanted(err);
        if (again) {
          this.#chunks.drop(again);
          this.#set('uploading');
          await this.#sendMissing(signal);
          continue;
        }
        if (err.code !== Code.Conflict || err.data?.UploadID) throw err;
        const end = await this.#taken(signal, { sure: true });
        if (end) return end;
      }
    }
  }

  // Ends.

  #finish(state) {
    if (state === 'done') this.#forget(this.uploadId);
    else this.#cancelSession();
    this.#set(state);
    this.engine.finished(this);
  }

  #failed(err) {
    if (err instanceof Twin) {
      this.waitFor = err.other;
      this.#asking = 'must';
      this.#set('queued');
      return;
    }
    this.error = err;
    if (err instanceof NotSame) this.#forgetFile();
    this.#set(err instanceof NotSame ? 'needsfile' : 'failed');
  }

  #forgetFile() {
    this.file = null;
    this.#hashing = null;
    this.#digest = '';
    this.hashed = 0;
  }

  async #moveTo(uploadId) {
    await this.#cancelSession();
    this.uploadId = uploadId;
  }

  // cancelSession gives up the upload on the server. If that does not get through, it expires there by itself.
  async #cancelSession() {
    const { uploadId } = this;
    if (!uploadId) return;
    this.#leaveSession();
    try {
      await this.engine.api.cancel(uploadId);
    } catch (err) {
      if (err.name !== 'ApiError') throw err;
    }
  }

  #forget(uploadId) {
    if (!uploadId) return;
    this.engine.notes.drop(uploadId);
    this.engine.handles?.drop(uploadId);
  }

  #leaveSession() {
    this.#forget(this.uploadId);
    this.uploadId = '';
    this.#boundTo = '';
    this.#follow(null);
  }

  // Small things.

  #follow(chunks) {
    this.#chunks = chunks;
    this.#progress.follow(chunks);
  }

  #call(signal, request, once) {
    const onWait = (why) => {
      this.note = why;
      this.engine.changed(this);
    };
    return this.engine.call(request, { signal, onWait, once });
  }

  #count(index, loaded) {
    this.#progress.chunk(index, loaded);
    this.engine.changed(this);
  }

  #set(state) {
    this.state = state;
    this.note = '';
    this.engine.stateChanged(this);
  }
}

// wanted returns the chunks that complete asks for, or null where it failed for another reason.
function wanted(err) {
  const indexes = { [Code.ChunksMissing]: err.data?.Missing, [Code.DigestMismatch]: err.data?.Bad }[err.code];
  return indexes?.length ? indexes : null;
}
