// What a folder holds already, so that a name clash is found before anything is sent. It is a help, not the truth: the
// drive decides when a file is made.

const PAGE = 1000;
const PAGES = 5; // of a folder larger than that, only the drive knows
const FRESH = 20_000; // ms for which an answer serves

export class Names {
  #folders = new Map(); // path → {at, entries: promise of name → entry}

  constructor(api) {
    this.api = api;
  }

  // find returns the entry of that name in a folder, or null where there is none or nobody knows.
  async find(path, name) {
    return (await this.#entries(path)).get(name) ?? null;
  }

  // still asks the drive whether an entry is there, under its name.
  async still(path, { ID, FileName }) {
    const now = await this.api.meta(ID).catch(() => null);
    return now?.Path === `${path === '/' ? '' : path.normalize('NFC')}/${FileName}`;
  }

  forget(path) {
    this.#folders.delete(path);
  }

  // add tells of an entry that was just made.
  async add(path, entry) {
    const known = this.#folders.get(path);
    if (known && entry) (await known.entries).set(entry.FileName, { ...entry, FileHash: entry.FileSha1 });
  }

  #entries(path) {
    const known = this.#folders.get(path);
    if (known && Date.now() - known.at < FRESH) return known.entries;
    for (const [old, { at }] of this.#folders) if (Date.now() - at >= FRESH) this.#folders.delete(old);
    const entries = this.#read(path).catch(() => new Map());
    this.#folders.set(path, { at: Date.now(), entries });
    return entries;
  }

  async #read(path) {
    const names = new Map();
    let cursor;
    for (let n = 0; n < PAGES; n++) {
      const page = await this.api.query({ path, sort: 'name', limit: PAGE, cursor });
      for (const entry of page.entries) names.set(entry.FileName, entry);
      cursor = page.cursor;
      if (!cursor) break;
    }
    return names;
  }
}
