// The bar that says how many entries are selected and offers what can be done with all of them.

import { bytes } from '../format.js';
import { language, t } from '../words.js';
import { button, h } from './dom.js';
import { openMenu } from './menu.js';
import { attempt } from './toast.js';

export class SelectionBar {
  constructor({ selection, listing, actions }) {
    Object.assign(this, { selection, listing, actions });
    this.count = h('strong', { testid: 'selected', role: 'status' });
    this.sum = h('span', { class: 'quiet', testid: 'selected-size' });
    this.offers = h('div', { class: 'tools' });
    this.more = button({ icon: 'more', label: t('files.more'), kind: 'rest', testid: 'selection-more', 'aria-haspopup': 'menu',
      onclick: () => openMenu(this.more, actions.offers(selection.entries()), t('files.actions')) });
    this.element = h('div', { class: 'bar selection', role: 'toolbar', 'aria-label': t('files.selection'), hidden: true },
      button({ icon: 'close', label: t('files.clearSelection'), testid: 'selection-clear', onclick: () => selection.clear() }),
      h('div', { class: 'count' }, this.count, this.sum), this.offers, this.more);
    this.boxes = [];
    selection.addEventListener('change', () => this.#show());
    listing.addEventListener('change', () => this.#show());
  }

  // everything makes a box that selects all, and none.
  everything() {
    const box = h('input', { type: 'checkbox', class: 'tick', 'aria-label': t('files.selectAll'), testid: 'select-all',
      onclick: () => (box.checked ? this.all() : this.selection.clear()) });
    this.boxes.push(box);
    return box;
  }

  // all selects every entry, also those that had not been loaded.
  async all() {
    this.selection.all();
    if (this.listing.done) return;
    let given = false;
    const stop = () => given || !this.element.isConnected;
    const watch = () => (given ||= this.selection.size === 0);
    this.selection.addEventListener('change', watch);
    await attempt(() => this.listing.all(stop));
    this.selection.removeEventListener('change', watch);
    if (!stop()) this.selection.all();
  }

  #show() {
    const { size } = this.selection;
    this.element.hidden = size === 0;
    for (const box of this.boxes) {
      box.checked = size > 0 && size === this.listing.entries.length;
      box.indeterminate = size > 0 && !box.checked;
    }
    if (size === this.shown && size !== 1) return;
    this.shown = size;
    const entries = this.selection.entries();
    this.count.textContent = t('files.selected', { n: size });
    this.sum.textContent = sumOf(entries);
    const had = this.offers.contains(document.activeElement);
    const offers = size ? this.actions.offers(entries).filter((o) => !o.menuOnly) : [];
    this.offers.replaceChildren(...offers.map(({ label, icon, run, testid, danger }) =>
      button({ icon, label, testid: testid.replace('do-', 'selection-'), kind: danger ? 'danger' : '', onclick: run })));
    if (had) this.offers.querySelector('button')?.focus();
  }
}

// sumOf is how large the files are together; what folders hold nobody knows yet.
function sumOf(entries) {
  if (!entries.length || entries.some((e) => e.Kind === 'folder')) return '';
  return bytes(entries.reduce((sum, e) => sum + e.FileSize, 0), language());
}
