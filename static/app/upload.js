// One file on its way to the drive: where it stands, and what a person may do about it. run.js has the way itself.
//
//	queued → hashing → uploading → checking → done
//	            ↘          ↘ instant: the drive had the content already
//	asking: the name is taken; then it goes on, or ends as skipped, or as present: it is the very file
//	paused, failed, cancelled; needsfile: unfinished on the server, and the browser does not have the file any more
//
// A large file's chunks go up while it is hashed. One that is hashed in a moment is hashed first, because asking then saves
// more than waiting.

import { Digest, NotSame } from './digest.js';
import { Progress } from './progress.js';
import { Run, SMALL, Stopped } from './run.js';
import { Session, Twin } from './session.js';

export const OVER = new Set(['done', 'instant', 'present', 'skipped']); // nothing is left to do
export const ENDED = new Set([...OVER, 'failed', 'cancelled']);
export const ACTIVE = new Set(['hashing', 'uploading', 'checking', 'asking']);

export class Upload {
  state = 'queued';
  note = ''; // why it waits: offline, signin
  error = null;
  entry = null; // the result
  waitFor = null; // the upload that brings the same content
  conflict = undefined; // what is done about a taken name, once that was asked
  asking = 'may'; // for an instant upload: may, must (the drive said it has it), no (asked already)
  batch = null; // the form that it goes up in, if it is small
  alone = false; // it must not go up in a form

  #progress = new Progress();
  #digest;
  #session;
  #run = null;
  #abort = null;

  constructor(engine, { id, file = null, handle = null, name, size, mtime, path, group = {}, uploadId = '', state = 'queued' }) {
    this.engine = engine;
    Object.assign(this, { id, file, handle, name, size, mtime, path, group, state });
    this.#digest = new Digest(engine.hasher);
    this.#session = new Session(engine, this, { id: uploadId, progress: this.#progress,
      call: (...request) => this.#call(...request), changed: () => engine.changed(this) });
  }

  get uploadId() {
    return this.#session.id;
  }

  get digest() {
    return this.#digest.value;
  }

  get hashed() {
    return this.#digest.hashed;
  }

  get sent() {
    if (OVER.has(this.state)) return this.size;
    return this.#progress.sent;
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
    this.#session.recall(session);
  }

  // attach gives the file to an upload that needs one. trusted: it surely is the same, so that it need not be hashed.
  attach(file, trusted, handle = null) {
    Object.assign(this, { file, handle });
    this.mtime = file.lastModified;
    this.name ||= file.name.normalize('NFC');
    this.error = null;
    if (trusted) this.#digest.value = this.#session.boundTo;
    this.#set('queued');
  }

  pause() {
    this.#digest.pause();
    this.#stop('paused');
  }

  unpause() {
    this.#set('queued');
  }

  async cancel() {
    this.#digest.stop();
    this.#stop('cancelled');
    await this.#run;
    await this.#session.cancel();
  }

  // What a batch does with its uploads.

  enter(state) {
    this.error = null;
    this.#progress.form(0);
    this.#set(state);
  }

  setDigest(digest) {
    this.#digest.set(digest, this.size);
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

  // What follows is how it goes on and ends.

  async #whole(before, signal) {
    await before;
    try {
      const run = new Run(this, { session: this.#session, digest: this.#digest, signal,
        set: (state) => signal.aborted || this.#set(state), // what was stopped stays so, whatever was on its way
        call: (...request) => this.#call(...request) });
      this.#finish(await run.end());
    } catch (err) {
      if (!signal.aborted) this.#failed(err);
    } finally {
      this.#session.release();
    }
  }

  #call(signal, request, once) {
    return this.engine.call(request, { signal, once, onWait: (why) => this.tellWaiting(why) });
  }

  #stop(state) {
    this.#set(state);
    this.#abort?.abort(new Stopped(state));
  }

  #finish(state) {
    if (state === 'done') this.#session.forget();
    else this.#session.cancel();
    this.#set(state);
    this.engine.finished(this);
  }

  #failed(err) {
    if (err instanceof Twin) {
      this.waitFor = err.other;
      this.asking = 'must';
      this.#set('queued');
      return;
    }
    this.error = err;
    const another = err instanceof NotSame;
    if (another) {
      this.file = null;
      this.#digest.forget();
    }
    this.#set(another ? 'needsfile' : 'failed');
  }

  #set(state) {
    this.state = state;
    this.note = '';
    this.engine.stateChanged(this);
  }
}
