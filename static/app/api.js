// The wire: every request to the server is made here, and every failure comes out as an ApiError.
//
// The browser's cookie signs the requests; nothing secret is ever part of a URL.

// The codes of the server's envelope that the page acts on.
export const Code = {
  OK: 0,
  Miss: -1,
  ChunksMissing: -2,
  ProofNeeded: -3,
  SignupFailed: 10003,
  SigninFailed: 10004,
  AlreadyHave: 10006,
  DigestMismatch: 10101,
  NotFound: 10102,
  Conflict: 10105,
};

const TIMEOUT = 60_000; // for an answer, or for the next sign of life of a chunk
const LONG_TIMEOUT = 600_000; // complete may have to hash

export class ApiError extends Error {
  constructor({ status = 0, code = 0, msg = '', data = null, retryAfter = 0 }) {
    super(msg || `status ${status}, code ${code}`);
    this.name = 'ApiError';
    Object.assign(this, { status, code, msg, data, retryAfter });
  }

  // offline: no answer came at all.
  get offline() {
    return this.status === 0;
  }

  get signedOut() {
    return this.status === 401 && this.code !== Code.SigninFailed;
  }
}

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

  info() {
    return this.#envelope('/user/info');
  }

  // query returns one page of a folder, or of all files, newest first, where path is not given.
  query({ path, sort, limit, cursor } = {}) {
    return this.#page('/file/query', { path, sort, limit, cursor });
  }

  trash({ limit, cursor } = {}) {
    return this.#page('/file/trash', { limit, cursor });
  }

  mkdir(path) {
    return this.#envelope('/file/mkdir', { path });
  }

  rename(id, filename) {
    return this.#bare('/file/update', { op: 0, id, filename });
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

  // fastupload returns {hit: true}, {hit: false}, or {challenge, ranges} to be answered by a second call.
  async fastupload({ filehash, filename, filesize, path, mtime, challenge, proof }, signal) {
    const params = { filehash, filename, filesize, path, mtime, challenge, proof };
    const answer = await this.#post('/file/fastupload', params, { signal });
    const { code, data } = answer.json ?? {};
    if (answer.ok && code === Code.Miss) return { hit: false };
    if (answer.ok && code === Code.ProofNeeded) return { hit: false, challenge: data.Challenge, ranges: data.Ranges };
    open(answer);
    return { hit: true };
  }

  init({ filehash, filesize, filename, path, mtime, uploadid }, signal) {
    return this.#envelope('/file/mpupload/init', { filehash, filesize, filename, path, mtime, uploadid }, { signal });
  }

  complete({ uploadid, filehash, filesize, filename, path }, signal) {
    const params = { uploadid, filehash, filesize, filename, path };
    return this.#envelope('/file/mpupload/complete', params, { signal, timeout: LONG_TIMEOUT });
  }

  // cancel gets through even if the page is left at once.
  cancel(uploadid) {
    return this.#envelope('/file/mpupload/cancel', { uploadid }, { keepalive: true });
  }

  status(uploadid, signal) {
    return this.#envelope('/file/mpupload/status', { uploadid }, { signal });
  }

  // sendChunk puts one chunk. Unlike fetch, XMLHttpRequest tells how many bytes have gone, and streams a slice of a
  // file from the disk.
  sendChunk({ uploadid, index, body, sha1 }, { signal, onProgress = () => {} }) {
    const query = new URLSearchParams(present({ uploadid, index, chunkSha1: sha1 }));
    return new Promise((resolve, reject) => {
      const xhr = new XMLHttpRequest();
      const stop = () => xhr.abort();
      let timer;
      const alive = () => {
        clearTimeout(timer);
        timer = setTimeout(stop, TIMEOUT);
      };
      const settle = (how, value) => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', stop);
        how(value);
      };
      xhr.upload.onprogress = (event) => {
        alive();
        onProgress(event.loaded);
      };
      xhr.onerror = () => settle(reject, new ApiError({ msg: 'no connection' }));
      xhr.onabort = () => settle(reject, signal?.aborted ? signal.reason : new ApiError({ msg: 'no sign of life' }));
      xhr.onload = () => {
        try {
          settle(resolve, open(readXHR(xhr)));
        } catch (err) {
          settle(reject, err);
        }
      };
      if (signal?.aborted) {
        reject(signal.reason);
        return;
      }
      signal?.addEventListener('abort', stop, { once: true });
      xhr.open('POST', `${this.base}/file/mpupload/uppart?${query}`);
      xhr.setRequestHeader('Content-Type', 'application/octet-stream');
      alive();
      xhr.send(body);
    });
  }

  async #envelope(path, params, options) {
    return open(await this.#post(path, params, options));
  }

  // #bare is for the endpoints that answer without an envelope; their failures have one.
  async #bare(path, params) {
    const answer = await this.#post(path, params);
    if (!answer.ok) open(answer);
    return answer.json;
  }

  async #page(path, params) {
    const answer = await this.#post(path, params);
    if (!answer.ok) open(answer);
    return { entries: answer.json ?? [], cursor: answer.header('X-Next-Cursor') || '' };
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
      return { ok: answer.ok, status: answer.status, json: parse(text), header: (name) => answer.headers.get(name) };
    } catch (err) {
      if (signal?.aborted) throw signal.reason;
      throw new ApiError({ msg: err.message });
    }
  }
}

// open takes the data out of an envelope, or throws what it says went wrong.
function open({ ok, status, json, header }) {
  if (ok && (json?.code ?? 0) === Code.OK) return json?.data ?? null;
  throw new ApiError({
    status,
    code: json?.code ?? 0,
    msg: json?.msg,
    data: json?.data,
    retryAfter: Number(header('Retry-After')) || 0,
  });
}

function readXHR(xhr) {
  return {
    ok: xhr.status >= 200 && xhr.status < 300,
    status: xhr.status,
    json: parse(xhr.responseText),
    header: (name) => xhr.getResponseHeader(name),
  };
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

// present leaves out what is not given.
function present(params) {
  return Object.fromEntries(Object.entries(params).filter(([, value]) => value !== undefined && value !== null));
}
