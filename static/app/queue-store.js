// What this browser remembers of unfinished uploads, so that a file chosen again finds its upload.
//
// The server knows the uploads; it does not know the file's mtime on this machine. Losing a note costs nothing but that.

const KEY = 'blinkdrive.uploads';

export class QueueStore {
  constructor(storage = globalThis.localStorage) {
    this.storage = storage;
  }

  // put remembers {name, size, mtime, path} for an upload.
  put(uploadId, note) {
    this.#write({ ...this.#read(), [uploadId]: note });
  }

  get(uploadId) {
    return this.#read()[uploadId] ?? null;
  }

  drop(uploadId) {
    const { [uploadId]: _, ...rest } = this.#read();
    this.#write(rest);
  }

  // keep forgets all uploads but these.
  keep(uploadIds) {
    const notes = this.#read();
    this.#write(Object.fromEntries(uploadIds.filter((id) => notes[id]).map((id) => [id, notes[id]])));
  }

  clear() {
    this.#write({});
  }

  #read() {
    try {
      return JSON.parse(this.storage.getItem(KEY)) ?? {};
    } catch {
      return {};
    }
  }

  #write(notes) {
    try {
      this.storage.setItem(KEY, JSON.stringify(notes));
    } catch {
      // Full or forbidden: then the file is recognised by name and size.
    }
  }
}

// matches says whether a file looks like the one an unfinished upload was about.
export function matches(file, { name, size }, note) {
  return file.name === name && file.size === size && (!note?.mtime || note.mtime === file.lastModified);
}
