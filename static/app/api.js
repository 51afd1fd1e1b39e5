// The wire: every request to the server is made here, and every failure comes out as an ApiError.
//
// The browser's cookie signs the requests; nothing secret is ever part of a URL.

import { checkName, checkPath } from './entry-name.js';
import { ApiError, Code, parse, send } from './send.js';

export { Code };

const TIMEOUT = 60_000; // for an answer, or for the next sign of life of a chunk
const LONG_TIMEOUT = 600_000; // complete may have to hash
const CODE_OF = { 401: 10005, 404: 10102, 413: 10106, 429: 10108, 503: 10109 };
export const IDS_IN_ADDRESS = 100; // more would be too long for some

export class Api {
  constructor({ base = '', headers = {} } = {}) {
    this.base = base;
    this.headers = headers;
  }

  signup(username, password) {
    return this.#envelope('/user/signup', { username, password });
  }

  signin(username, password) {
    return this.#envelope('/user/signin', { username, password });
  }

  signout() {
    return this.#envelope('/user/signout');
  }

  // changePassword signs the person out everywhere else.
  changePassword(password, newpassword) {
    return this.#envelope('/user/password', { password, newpassword });
  }

  info() {
    return this.#envelope('/user/info');
  }

  // query returns one page of a folder, or of all files, newest first, where path is not given.
  query({ path, sort, order, limit, cursor } = {}) {
    return this.#page('/file/query', { path, sort, order, limit, cursor });
  }

  // search returns one page of the entries whose names contain a text, below a folder or everywhere. A page may be short,
  // or empty, although others follow.
  search({ query, path, sort, order, limit, cursor, signal } = {}) {
    return this.#page('/file/search', { query, path, sort, order, limit, cursor }, { signal });
  }

  // trash returns one page of the trash, or of what it holds of the folder with an ID.
  trash({ id, order, limit, cursor } = {}) {
    return this.#page('/file/trash', { id, order, limit, cursor });
  }

  async mkdir(path) {
    checkPath(path);
    return this.#envelope('/file/mkdir', { path });
  }

  // What an entry is: all that the drive says of it.
  meta(id) {
    return this.#bare('/file/meta', { id });
  }

  // metaAt is meta of the entry at a path.
  metaAt(path) {
    return this.#bare('/file/meta', { path });
  }

  async rename(id, filename) {
    checkName(filename);
    return this.#bare('/file/update', { op: 0, id, filename });
  }

  // move brings an entry into a folder; conflict is rename, replace or fail.
  move(id, path, conflict) {
    return this.#bare('/file/update', { op: 1, id, path, conflict });
  }

  // copy makes another entry of the same content in a folder, or another folder with all that is in it; no bytes move.
  copy(id, path, conflict) {
    return this.#envelope('/file/copy', { id, path, conflict }, { timeout: LONG_TIMEOUT });
  }

  restore(id) {
    return this.#bare('/file/update', { op: 2, id });
  }

  remove(id) {
    return this.#envelope('/file/delete', { id });
  }

  // purge removes one entry of the trash for ever, or all of them where no id is given.
  purge(id) {
    return this.#envelope('/file/purge', { id });
  }

  downloadURL(id) {
    return `${this.base}/file/download?id=${encodeURIComponent(id)}`;
  }

  // inlineURL is where a browser shows a file of a harmless kind; any other is saved.
  inlineURL(id) {
    return `${this.downloadURL(id)}&inline=1`;
  }

  // thumbnailURL goes by the content, so that the browser knows the picture again when it is moved or copied.
  thumbnailURL({ FileHash, FileSha1 }, size) {
    return `${this.base}/file/thumbnail?filehash=${FileHash || FileSha1}&size=${size}`;
  }

  zipURL({ ids, filename }) {
    return `${this.base}/file/zip?${new URLSearchParams({ id: ids.join(), filename })}`;
  }

  // zipSize returns how many bytes a zip will have, or says why there can be none.
  zipSize({ ids, filename }) {
    const params = new URLSearchParams({ id: ids.join(), filename });
    // What is too long for an address goes in a body; of the answer only the head is waited for.
    const ask = ids.length > IDS_IN_ADDRESS ? { method: 'POST', body: params } : { method: 'HEAD' };
    return this.#head(ask.body ? `${this.base}/file/zip` : this.zipURL({ ids, filename }), ask, (header) => Number(header('Content-Length')));
  }

  // sha256 returns the SHA-256 of a file in hexadecimal, or nothing where the drive does not tell.
  sha256(id) {
    return this.#head(this.inlineURL(id), { method: 'HEAD' }, (header) => {
      const digest = /sha-256=:([\w+/=]+):/.exec(header('Repr-Digest') ?? '');
      return digest ? Array.from(atob(digest[1]), (c) => c.charCodeAt(0).toString(16).padStart(2, '0')).join('') : '';
    });
  }

  async #head(url, request, read) {
    const stop = new AbortController();
    const limit = AbortSignal.any([stop.signal, AbortSignal.timeout(TIMEOUT)]);
    let answer;
    try {
      answer = await fetch(url, { ...request, headers: this.headers, credentials: 'same-origin', signal: limit });
    } catch (err) {
      throw new ApiError({ msg: err.message });
    }
    const header = (name) => answer.headers.get(name);
    const { status } = answer; // an answer to HEAD says no more than that
    if (!answer.ok) open({ ok: false, status, json: parse(await answer.text()) ?? { code: CODE_OF[status] }, header });
    stop.abort();
    return read(header);
  }

  // content returns the first bytes of a file, all of it where it is no longer than that.
  async content(id, { bytes, signal }) {
    try {
      const headers = { ...this.headers, Range: `bytes=0-${bytes - 1}` };
      const answer = await fetch(this.downloadURL(id), { headers, credentials: 'same-origin', signal });
      if (answer.status === 416) return new Blob(); // an empty file has no first byte
      if (!answer.ok) open({ ok: false, status: answer.status, json: parse(await answer.text()), header: (n) => answer.headers.get(n) });
      return await answer.blob();
    } catch (err) {
      if (signal.aborted) throw signal.reason;
      throw err.name === 'ApiError' ? err : new ApiError({ msg: err.message });
    }
  }

  // link returns {url, expires}: with it anybody can take the file until then, or several and folders as a zip. lifetime is
  // in seconds.
  async link(ids, lifetime) {
    const answer = await this.#post('/file/downloadurl', { id: ids.join(), lifetime });
    if (!answer.ok || !answer.text) open(answer);
    return { url: answer.text.trim(), expires: answer.header('X-Expires-At') };
  }

  // fastupload returns {hit: true, entry}, {hit: false}, or {challenge, ranges} to be answered by a second call.
  async fastupload({ filehash, filename, filesize, path, mtime, conflict, challenge, proof }, signal) {
    const params = { filehash, filename, filesize, path, mtime, conflict, challenge, proof };
    const answer = await this.#post('/file/fastupload', params, { signal });
    const { code, data } = answer.json ?? {};
    if (answer.ok && code === Code.Miss) return { hit: false };
    if (answer.ok && code === Code.ProofNeeded) return { hit: false, challenge: data.Challenge, ranges: data.Ranges };
    return { hit: true, entry: open(answer) };
  }

  init({ filehash, filesize, filename, path, mtime, uploadid, chunksize }, signal) {
    const params = { filehash, filesize, filename, path, mtime, uploadid, chunksize };
    return this.#envelope('/file/mpupload/init', params, { signal });
  }

  complete({ uploadid, filehash, filesize, filename, path, conflict }, signal) {
    const params = { uploadid, filehash, filesize, filename, path, conflict };
    return this.#envelope('/file/mpupload/complete', params, { signal, timeout: LONG_TIMEOUT });
  }

  // cancel gets through even if the page is left at once.
  cancel(uploadid) {
    return this.#envelope('/file/mpupload/cancel', { uploadid }, { keepalive: true });
  }

  status(uploadid, signal) {
    return this.#envelope('/file/mpupload/status', { uploadid }, { signal });
  }

  // sendChunk puts one chunk.
  async sendChunk({ uploadid, index, body, sha1 }, options) {
    const query = new URLSearchParams(present({ uploadid, index, chunkSha1: sha1 }));
    return open(await this.#send(`/file/mpupload/uppart?${query}`, body, options));
  }

  // sendForm puts whole small files into a folder, all or none; it returns what became of each, in order.
  async sendForm(files, { path, conflict }, options) {
    const form = new FormData();
    for (const file of files) {
      form.append('mtime', new Date(file.lastModified).toISOString()); // of the file that comes next
      form.append('file', file, file.name.normalize('NFC'));
    }
    return open(await this.#send(`/file/upload?${new URLSearchParams({ path, conflict })}`, form, options));
  }

  #send(path, body, options) {
    return send(this.base + path, body, { headers: this.headers, timeout: TIMEOUT, ...options });
  }

  async #envelope(path, params, options) {
    return open(await this.#post(path, params, options));
  }

  // #bare is for the endpoints that answer without an envelope; their failures have one.
  async #bare(path, params) {
    const answer = await this.#post(path, params);
    if (!answer.ok || answer.json === null) open(answer);
    return answer.json;
  }

  async #page(path, params, options) {
    const answer = await this.#post(path, params, options);
    if (!answer.ok || answer.json === null) open(answer);
    return { entries: answer.json, cursor: answer.header('X-Next-Cursor') || '' };
  }

  async #post(path, params = {}, { signal, keepalive, timeout = TIMEOUT } = {}) {
    const limit = AbortSignal.timeout(timeout);
    try {
      const answer = await fetch(this.base + path, {
        method: 'POST',
        body: new URLSearchParams(present(params)),
        headers: this.headers,
        credentials: 'same-origin',
        cache: 'no-store',
        keepalive,
        signal: signal ? AbortSignal.any([signal, limit]) : limit,
      });
      const text = await answer.text();
      return { ok: answer.ok, status: answer.status, text, json: parse(text), header: (name) => answer.headers.get(name) };
    } catch (err) {
      if (signal?.aborted) throw signal.reason;
      throw new ApiError({ msg: err.message });
    }
  }
}

// open takes the data out of an envelope, or throws what it says went wrong. An answer of which not all came is none: some
// browsers (WebKitGTK 2.50) do not say that the line was cut.
function open({ ok, status, json, header }) {
  if (ok && json === null) throw new ApiError({ msg: 'the answer was cut off' });
  if (ok && (json.code ?? 0) === Code.OK) return json.data ?? null;
  throw new ApiError({
    status,
    code: json?.code ?? 0,
    msg: json?.msg,
    data: json?.data,
    retryAfter: Number(header('Retry-After')) || 0,
  });
}

// present leaves out what is not given.
function present(params) {
  return Object.fromEntries(Object.entries(params).filter(([, value]) => value !== undefined && value !== null));
}
