// Entries that were copied or cut, to be pasted in another folder. It lives as long as the page, and does not know the DOM.
//
// Events: "change".

export class Clipboard extends EventTarget {
  entries = [];
  moves = false; // cut rather than copied
  #ids = new Set();

  copy(entries) {
    this.#set(entries, false);
  }

  cut(entries) {
    this.#set(entries, true);
  }

  // take returns what is to be pasted; what was cut is pasted once.
  take() {
    const { entries, moves } = this;
    this.#set(moves ? [] : entries, false);
    return { entries, moves };
  }

  clear() {
    if (this.entries.length) this.#set([], false);
  }

  // isCut says whether an entry is on its way elsewhere.
  isCut(id) {
    return this.moves && this.#ids.has(id);
  }

  #set(entries, moves) {
    Object.assign(this, { entries, moves });
    this.#ids = new Set(entries.map((e) => e.ID));
    this.dispatchEvent(new CustomEvent('change'));
  }
}
