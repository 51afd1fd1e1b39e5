// Which entries of a list are selected, and where the keyboard is. It does not know the DOM.
//
// Events: "change".

export class Selection extends EventTarget {
  #ids = new Set();
  #anchor = null; // where a range begins
  active = null; // the ID of the entry that the keyboard is on

  // entries() returns the list in its order.
  constructor(entries) {
    super();
    this.list = entries;
  }

  get size() {
    return this.#ids.size;
  }

  has(id) {
    return this.#ids.has(id);
  }

  // entries returns the selected ones in the list's order.
  entries() {
    return this.list().filter((e) => this.#ids.has(e.ID));
  }

  get activeIndex() {
    return this.list().findIndex((e) => e.ID === this.active);
  }

  only(id) {
    this.#ids = new Set([id]);
    this.#anchor = this.active = id;
    this.#changed();
  }

  toggle(id) {
    if (!this.#ids.delete(id)) this.#ids.add(id);
    this.#anchor = this.active = id;
    this.#changed();
  }

  // range selects from the anchor to an entry, adding to what is selected where add is set.
  range(id, add = false) {
    const entries = this.list();
    const to = entries.findIndex((e) => e.ID === id);
    const from = entries.findIndex((e) => e.ID === this.#anchor);
    if (to < 0) return;
    const [low, high] = from < 0 ? [to, to] : [Math.min(from, to), Math.max(from, to)];
    const chosen = entries.slice(low, high + 1).map((e) => e.ID);
    this.#ids = new Set(add ? [...this.#ids, ...chosen] : chosen);
    if (from < 0) this.#anchor = id;
    this.active = id;
    this.#changed();
  }

  all() {
    this.#ids = new Set(this.list().map((e) => e.ID));
    this.#changed();
  }

  // set selects these and puts the keyboard on the first.
  set(ids) {
    this.#ids = new Set(ids);
    this.#anchor = this.active = ids[0] ?? null;
    this.#changed();
  }

  clear() {
    if (!this.#ids.size) return;
    this.#ids.clear();
    this.#changed();
  }

  // go moves the keyboard without selecting.
  go(id) {
    this.active = id;
    this.#changed();
  }

  // prune forgets what the list has no more.
  prune() {
    if (!this.#ids.size) return;
    const there = new Set(this.list().map((e) => e.ID));
    const left = [...this.#ids].filter((id) => there.has(id));
    if (left.length === this.#ids.size) return;
    this.#ids = new Set(left);
    this.#changed();
  }

  #changed() {
    this.dispatchEvent(new CustomEvent('change'));
  }
}
