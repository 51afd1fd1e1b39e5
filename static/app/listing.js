// The entries of one list, loaded page by page as they are needed, in the server's order. It does not know the DOM.
//
// Events: "change" (entries came, went or are others).

const FIRST = 100; // a first page that is there at once
const PAGE = 1000;
const REFRESHED = 10_000; // a longer list is not loaded anew

export class Listing extends EventTarget {
  entries = [];
  done = false;
  error = null;
  #cursor = '';
  #age = 0; // a late answer to an earlier question is dropped
  #loading = null;
  #early = new Set(); // IDs that were put in before their page came
  #since = null; // what was changed here while the drive is asked anew: ID → entry, or null where it is gone

  // load({cursor, limit}) returns {entries, cursor}; order, where it is known, compares two entries as the server does.
  constructor({ load, order = null }) {
    super();
    Object.assign(this, { load, order });
  }

  get started() {
    return this.done || this.entries.length > 0;
  }

  // more loads the next page, if there is one. A failure is kept in error until the next try.
  more() {
    if (this.done) return Promise.resolve();
    return this.#loading ?? this.#only(this.#more());
  }

  // only makes this the one asking that there is: whoever wants more waits for it.
  #only(asking) {
    const loading = asking.finally(() => {
      if (this.#loading === loading) this.#loading = null;
    });
    this.#loading = loading;
    return loading;
  }

  // all loads what is left; stop() true ends it early.
  async all(stop = () => false) {
    while (!this.done && !stop()) await this.more();
  }

  async #more() {
    const age = this.#age;
    try {
      const limit = this.entries.length ? PAGE : FIRST;
      let page = { cursor: this.#cursor };
      const since = (this.#since = new Map());
      do {
        page = await this.load({ cursor: page.cursor || undefined, limit });
        if (age !== this.#age) return await this.#loading; // what has taken its place
      } while (page.cursor && !page.entries.length); // a search says how far it came
      this.#since = null;
      this.entries = this.entries.concat(page.entries.filter((e) => !this.#early.has(e.ID) && since.get(e.ID) !== null));
      this.done = !page.cursor;
      for (const entry of since.values()) if (entry) this.#place(entry);
      this.#take(page);
    } catch (err) {
      if (age !== this.#age) return await this.#loading;
      this.error = err;
      this.#changed();
      throw err;
    }
  }

  // fail empties the list: what it showed is not there any more. The next try begins anew.
  fail(err) {
    Object.assign(this, { entries: [], done: false, error: err });
    this.#age++;
    this.#loading = null;
    this.#cursor = '';
    this.#changed();
  }

  // close drops what is still being asked.
  close() {
    this.#age++;
    this.#loading = null;
  }

  // refresh asks for what is shown once more; a list too long for that keeps what it has, and false is returned.
  async refresh() {
    if (this.entries.length > REFRESHED) return false;
    await this.#only(this.#renew());
    return true;
  }

  async #renew() {
    const age = ++this.#age;
    const since = (this.#since = new Map());
    const shown = this.entries.length;
    let entries = [];
    let page = {};
    do {
      const limit = Math.min(PAGE, Math.max(FIRST, shown + 1 - entries.length));
      page = await this.load({ cursor: page.cursor || undefined, limit });
      if (age !== this.#age) return;
      entries = entries.concat(page.entries);
    } while (page.cursor && entries.length < shown);
    this.#since = null;
    // What has not changed stays the same object, so that nobody draws it anew.
    const before = new Map(this.entries.map((e) => [e.ID, e]));
    this.entries = entries.map((e) => (alike(before.get(e.ID), e) ? before.get(e.ID) : e));
    this.#early.clear();
    // The answer may be older than what was changed here meanwhile.
    this.entries = this.entries.filter((e) => since.get(e.ID) !== null);
    this.done = !page.cursor;
    for (const entry of since.values()) if (entry) this.#place(entry);
    this.#take(page);
  }

  #take({ cursor }) {
    this.#cursor = cursor;
    this.done = !cursor;
    this.error = null;
    this.#changed();
  }

  // What follows changes the list here, ahead of the server's word or where that is not asked.

  remove(ids) {
    const gone = new Set(ids);
    for (const id of gone) this.#since?.set(id, null);
    this.entries = this.entries.filter((e) => !gone.has(e.ID));
    this.#changed();
  }

  // put brings an entry to its place, or leaves it out where that is not loaded; without an order it only renews one.
  put(entry) {
    this.#since?.set(entry.ID, entry);
    this.#place(entry);
    this.#changed();
  }

  #place(entry) {
    if (!this.order) {
      this.entries = this.entries.map((e) => (e.ID === entry.ID ? entry : e));
      return;
    }
    const rest = this.entries.filter((e) => e.ID !== entry.ID);
    const at = place(rest, entry, this.order);
    if (at < rest.length || this.done) {
      rest.splice(at, 0, entry);
      this.#early.add(entry.ID);
    } else {
      this.#early.delete(entry.ID);
    }
    this.entries = rest;
  }

  #changed() {
    this.dispatchEvent(new CustomEvent('change'));
  }
}

function alike(a, b) {
  return Boolean(a) && JSON.stringify(a) === JSON.stringify(b);
}

// place finds where an entry belongs.
function place(entries, entry, order) {
  let [low, high] = [0, entries.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (order(entries[middle], entry) <= 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

const rising = {
  name: (a, b) => byBytes(a.FileName, b.FileName),
  size: (a, b) => a.FileSize - b.FileSize,
  time: (a, b) => byBytes(a.LastUpdated ?? '', b.LastUpdated ?? ''),
};

// orderOf compares as the server sorts: folders first, and order is asc or desc.
export function orderOf(sort, order) {
  const compare = rising[sort];
  return (a, b) => foldersFirst(a, b) || (order === 'desc' ? compare(b, a) : compare(a, b));
}

function foldersFirst(a, b) {
  return (b.Kind === 'folder') - (a.Kind === 'folder');
}

// byBytes compares as UTF-8 does, that is by code points; JavaScript's own comparison is by UTF-16.
export function byBytes(a, b) {
  const [left, right] = [a[Symbol.iterator](), b[Symbol.iterator]()];
  for (;;) {
    const [x, y] = [left.next(), right.next()];
    if (x.done || y.done) return (y.done ? 1 : 0) - (x.done ? 1 : 0);
    if (x.value !== y.value) return x.value.codePointAt(0) - y.value.codePointAt(0);
  }
}
