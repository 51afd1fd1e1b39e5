// Handles of files (File System Access), kept in IndexedDB by upload ID, so that after a reload an upload goes on by
// itself, or with one press. Without IndexedDB, or without handles, the person chooses the file again.

const NAME = 'blinkdrive';
const STORE = 'handles';

export class HandleStore {
  #db = null;

  put(uploadId, handle) {
    return this.#do('readwrite', (store) => store.put(handle, uploadId));
  }

  get(uploadId) {
    return this.#do('readonly', (store) => store.get(uploadId));
  }

  drop(uploadId) {
    return this.#do('readwrite', (store) => store.delete(uploadId));
  }

  // keep forgets all but these.
  async keep(uploadIds) {
    const known = new Set(uploadIds);
    const there = (await this.#do('readonly', (store) => store.getAllKeys())) ?? [];
    await Promise.all(there.filter((id) => !known.has(id)).map((id) => this.drop(id)));
  }

  clear() {
    return this.#do('readwrite', (store) => store.clear());
  }

  // do makes one request and returns its result, undefined where there is no store to ask.
  async #do(mode, request) {
    try {
      this.#db ??= open();
      const store = (await this.#db).transaction(STORE, mode).objectStore(STORE);
      return await settled(request(store));
    } catch {
      return undefined; // private windows have none
    }
  }
}

function open() {
  const request = indexedDB.open(NAME, 1);
  request.onupgradeneeded = () => request.result.createObjectStore(STORE);
  return settled(request);
}

function settled(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

// allowed says whether a handle's file may be read, asking the person where ask is set: that needs a press of a button.
export async function allowed(handle, ask = false) {
  try {
    if ((await handle.queryPermission?.({ mode: 'read' })) === 'granted') return true;
    return ask && (await handle.requestPermission?.({ mode: 'read' })) === 'granted';
  } catch {
    return false;
  }
}
