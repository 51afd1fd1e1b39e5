// Sending bytes, and what the server's answers say.

// The codes of the server's envelope that the page acts on.
export const Code = {
  OK: 0,
  Miss: -1,
  ChunksMissing: -2,
  ProofNeeded: -3,
  InvalidParam: 10001,
  SignupFailed: 10003,
  SigninFailed: 10004,
  AlreadyHave: 10006,
  DigestMismatch: 10101,
  NotFound: 10102,
  Conflict: 10105,
  NameTaken: 10118,
};

export class ApiError extends Error {
  constructor({ status = 0, code = 0, msg = '', data = null, retryAfter = 0 }) {
    super(msg || `status ${status}, code ${code}`);
    this.name = 'ApiError';
    Object.assign(this, { status, code, msg, data, retryAfter });
  }

  // offline: no answer came, or not all of one.
  get offline() {
    return this.status === 0;
  }

  get signedOut() {
    return this.status === 401 && this.code !== Code.SigninFailed;
  }
}

// send posts a body. Unlike fetch, XMLHttpRequest tells how many bytes have gone, and streams a slice of a file from the
// disk. timeout is for the next sign of life.
export function send(url, body, { headers = {}, timeout, signal, onProgress = () => {} }) {
  return new Promise((resolve, reject) => {
    const xhr = new XMLHttpRequest();
    const stop = () => xhr.abort();
    let timer;
    const alive = () => {
      clearTimeout(timer);
      timer = setTimeout(stop, timeout);
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
    xhr.onload = () => settle(resolve, answerOf(xhr));
    if (signal?.aborted) {
      reject(signal.reason);
      return;
    }
    signal?.addEventListener('abort', stop, { once: true });
    xhr.open('POST', url);
    for (const [name, value] of Object.entries(headers)) xhr.setRequestHeader(name, value);
    if (body instanceof Blob) xhr.setRequestHeader('Content-Type', 'application/octet-stream');
    alive();
    xhr.send(body);
  });
}

function answerOf(xhr) {
  return {
    ok: xhr.status >= 200 && xhr.status < 300,
    status: xhr.status,
    json: parse(xhr.responseText),
    header: (name) => xhr.getResponseHeader(name),
  };
}

export function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
