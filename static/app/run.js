// One go of an upload, from wherever it stands to its end.

import { Code } from './api.js';
import { checkName, checkPath } from './entry-name.js';
import { abortable, askInstant } from './instant.js';
import { settleName } from './taken.js';

export const SMALL = 5 << 20; // hashed before anything is sent
const ASK_FROM = 256 << 10; // below, sending is quicker than a proof
const GLIMPSE = 300; // ms in which hashing shows how fast it is
const SOON = 1500; // ms that a digest is worth waiting for
const TURNS = 5; // how often an upload may start over because of what the server says
const REPAIRS = 3; // how often complete may ask for chunks again

// Stopped is why requests are aborted when a person pauses or cancels, or when the other half of the work is done.
export class Stopped extends Error {}

export class Run {
  // set(state) shows where the upload stands; call makes a request on its behalf.
  constructor(upload, { session, digest, signal, set, call }) {
    Object.assign(this, { upload, engine: upload.engine, session, digest, signal, set, call });
  }

  // end returns the state in which the upload ends.
  async end() {
    checkName(this.upload.name);
    checkPath(this.upload.path ?? '/');
    for (let turn = 1; ; turn++) {
      try {
        return await this.#turn();
      } catch (err) {
        if (turn >= TURNS || !(await this.#recover(err))) throw err;
      }
    }
  }

  async #turn() {
    const { upload, session, digest } = this;
    digest.resume();
    const early = await this.#taken();
    if (early) return early;
    const hashFirst = upload.size <= SMALL || upload.asking === 'must' || session.boundTo;
    if (!digest.value && (hashFirst || (await this.#hashedSoon()))) await this.#hash('hashing');
    if (digest.value) {
      const end = await this.#known(this.signal);
      if (end) return end;
    }
    await session.open({ ...this.#names(), filesize: upload.size, filehash: digest.value || undefined }, this.signal);
    this.set('uploading');
    return (await this.#sendAndHash()) || (await this.#complete()) || 'done';
  }

  // recover says whether another turn may do better after this error, and prepares it.
  async #recover(err) {
    if (this.signal.aborted || err.name !== 'ApiError') return false;
    if (err.code === Code.AlreadyHave) {
      this.upload.asking = 'must';
      return true;
    }
    if (err.code === Code.Conflict && err.data?.UploadID) {
      await this.session.moveTo(err.data.UploadID);
      return true;
    }
    if (err.status !== 404 || !this.session.id) return false;
    this.session.leave(); // expired, or cancelled elsewhere
    return true;
  }

  // taken finds out what is to be done if the name is taken; where that ends the upload, it returns the end. sure: the
  // drive has just said so.
  async #taken({ sure = false } = {}) {
    const { upload, digest, session } = this;
    if (upload.conflict && !sure) return '';
    const { path, name, size } = upload;
    const find = () => digest.value || this.#hash(session.id ? undefined : 'hashing');
    // The drive refuses to replace a folder, which the page may not have known when it asked before.
    const ask = (there) => this.#askClash(there?.Kind !== 'folder' && upload.conflict !== 'replace');
    const settled = settleName({ names: this.engine.names, path, name, size, sure, digest: find, ask });
    const how = await abortable(settled, this.signal);
    if (how === 'present') return 'present';
    if (how === 'skip') return 'skipped';
    upload.conflict = how || undefined;
    return '';
  }

  async #askClash(replace) {
    const { group, name, path: folder, state } = this.upload;
    this.set('asking');
    const how = await abortable(this.engine.ask({ group, name, folder, replace }), this.signal);
    this.set(state);
    return how;
  }

  async #hash(state = this.upload.state, signal = this.signal) {
    const { upload, digest, session, engine } = this;
    if (upload.state !== state) this.set(state);
    return digest.find(upload.file, { signal, must: session.boundTo, onProgress: () => engine.changed(upload) });
  }

  // hashedSoon begins to hash, and says whether that will be done so soon that nothing should be sent before the drive was
  // asked: on a fast line most of a file that it knows would have gone up otherwise.
  async #hashedSoon() {
    const { upload, session, digest, signal } = this;
    if (session.id || !this.#mayAsk()) return false;
    const before = digest.hashed;
    const found = this.#hash('hashing');
    found.catch(() => {}); // whoever needs the digest meets with it
    const glimpse = new Promise((resolve) => setTimeout(resolve, GLIMPSE));
    await abortable(Promise.race([found, glimpse]), signal);
    const speed = (digest.hashed - before) / GLIMPSE;
    return upload.size - digest.hashed <= speed * SOON;
  }

  #mayAsk() {
    const { upload, session, engine } = this;
    return upload.asking === 'may' && !session.boundTo && engine.mayAsk(upload.size, ASK_FROM);
  }

  // known asks whether the drive has the content already, and makes the file of it if so; it returns the end, if it is one.
  async #known(signal) {
    const { upload, session, engine } = this;
    if (!this.#mayAsk() && upload.asking !== 'must') return '';
    upload.asking = 'no';
    let answer = await this.#ask(signal);
    if (answer.noRoom && session.id) {
      // The drive has it, but this very upload's reservation leaves no room for the link.
      await session.cancel();
      answer = await this.#ask(signal);
    }
    if (answer.taken) {
      const end = await this.#taken({ sure: true });
      if (end) return end;
      answer = await this.#ask(signal);
    }
    if (answer.retryAfter) engine.askLater(answer.retryAfter);
    if (answer.hit) upload.entry = answer.entry;
    return answer.hit ? 'instant' : '';
  }

  #ask(signal) {
    const { upload, digest } = this;
    const { api, hasher } = this.engine;
    const about = { ...this.#names(), filehash: digest.value, filesize: upload.size, conflict: upload.conflict ?? 'fail' };
    const call = (request) => this.call(signal, request, 'once');
    return askInstant({ api, hasher, call, file: upload.file, about, signal });
  }

  // sendAndHash sends the chunks while the digest is found and settled; it returns the end when the upload turned instant.
  async #sendAndHash() {
    const end = new AbortController();
    const both = AbortSignal.any([this.signal, end.signal]);
    const sending = this.session.send(both);
    const settling = this.#settle(both);
    settling.catch(() => {});
    try {
      // Either one's failure counts at once; hashing may have hours to go.
      const early = await Promise.race([settling, sending.then(() => settling)]);
      if (!early) await sending;
      return early;
    } finally {
      end.abort(new Stopped('ended'));
      await sending.catch(() => {});
    }
  }

  async #settle(signal) {
    const { digest, session } = this;
    if (!digest.value) await this.#hash(undefined, signal);
    const known = session.missing > 0 && (await this.#known(signal));
    if (known) return known;
    await session.bind(digest.value, signal);
    return '';
  }

  // complete makes the file; it returns the end where that is another than done.
  async #complete() {
    const { upload, session } = this;
    for (let repairs = 0; ; repairs++) {
      this.set('checking');
      try {
        upload.entry = await this.#askComplete();
        return '';
      } catch (err) {
        if (repairs >= REPAIRS) throw err;
        const again = wanted(err);
        if (again) {
          this.set('uploading');
          await session.sendAgain(again, this.signal);
          continue;
        }
        if (err.code !== Code.NameTaken) throw err;
        const end = await this.#taken({ sure: true });
        if (end) return end;
      }
    }
  }

  #askComplete() {
    const { upload, session, digest, signal } = this;
    const about = { ...this.#names(), uploadid: session.id, filehash: digest.value, filesize: upload.size, conflict: upload.conflict ?? 'fail' };
    return this.call(signal, () => this.engine.api.complete(about, signal));
  }

  #names() {
    const { name: filename, path, mtime } = this.upload;
    return { filename, path, mtime: mtime ? new Date(mtime).toISOString() : undefined };
  }
}

// wanted returns the chunks that complete asks for, or null where it failed for another reason.
function wanted(err) {
  const indexes = { [Code.ChunksMissing]: err.data?.Missing, [Code.DigestMismatch]: err.data?.Bad }[err.code];
  return indexes?.length ? indexes : null;
}
