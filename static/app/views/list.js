// The entries of a listing on the screen, as a list or a grid, of which only what is in sight is drawn.

import { t } from '../words.js';
import { h } from './dom.js';
import { listKeys } from './list-keys.js';
import { Press } from './press.js';
import { makeRow, makeTile, showState } from './row.js';
import { Windowed } from './windowed.js';

const NARROW = matchMedia('(max-width: 720px)');
const ROW = { wide: 48, narrow: 60 };
const TILE = { width: 176, height: 204 };
const AHEAD = 300; // entries beyond what is in sight for which the next page is asked

// face(entry) says what a row shows and offers; open(entry) opens one; menu(at) offers what can be done with the
// selection; heads are the columns' titles as elements.
// trouble shows why a list could not be had. isAway(id) says which entries are shown as on their way elsewhere; place(at) offers what can be done where there is none.
export class ListView {
  #columns = 1;
  #frame = 0;
  #shown = []; // the entries as they were drawn last: during a press the list may have others
  #at = -1; // where in the list the keyboard is

  constructor({ listing, selection, layout, face, open, menu, load, heads, empty, trouble, isAway = () => false, place }) {
    Object.assign(this, { listing, selection, layout, face, open, menu, load, trouble, isAway, place });
    this.#shown = listing.entries;
    this.body = h('div', { class: 'lines', role: 'presentation' });
    this.scroller = h('div', { class: 'scroller', role: 'rowgroup', testid: 'entries' }, this.body);
    this.message = h('div', { class: 'empty', testid: 'entries-message', hidden: true }, empty);
    this.waiting = h('p', { class: 'quiet loading', role: 'status' }, t('files.loading'));
    this.grid = h('div', { class: `entries ${layout}`, role: 'grid', 'aria-label': t('files.list'),
      'aria-multiselectable': 'true' }, heads, this.scroller);
    this.element = h('section', { class: 'list' }, this.grid, this.message, this.waiting, trouble?.element);
    this.window = new Windowed({ scroller: this.scroller, body: this.body, height: ROW.wide,
      keyOf: (i) => this.#inLine(i).map((e) => e.ID).join(), line: (i, old) => this.#line(i, old) });
    this.window.held = () => this.#heldLine();
    this.window.ondraw = ({ last }) => this.#askAhead(last);
    this.#listen();
  }

  #listen() {
    this.stop = new AbortController();
    const { signal } = this.stop;
    this.press = new Press(this.scroller, () => this.refresh(), signal);
    this.listing.addEventListener('change', () => this.refresh(), { signal });
    this.selection.addEventListener('change', () => this.#moved(), { signal });
    this.watch = new ResizeObserver(() => this.#measureSoon());
    this.watch.observe(this.scroller);
    this.body.addEventListener('click', (event) => this.#clicked(event));
    this.body.addEventListener('dblclick', (event) => this.#doubled(event));
    this.element.addEventListener('contextmenu', (event) => this.#asked(event));
    this.scroller.addEventListener('click', ({ target }) => target === this.scroller && this.selection.clear());
    this.body.addEventListener('focusin', (event) => this.#focused(event));
    this.scroller.addEventListener('keydown', listKeys(this));
  }

  close() {
    this.stop.abort();
    this.watch.disconnect();
    cancelAnimationFrame(this.#frame);
    this.window.close();
  }

  get columns() {
    return this.#columns;
  }

  // rowsInSight is how far a page goes for the keyboard.
  get rowsInSight() {
    return Math.max(1, Math.floor(this.scroller.clientHeight / this.window.height) - 1);
  }

  // top is the number of the entry at the upper edge, with a fraction, which is the same entry in either layout.
  get top() {
    return (this.scroller.scrollTop / this.window.height) * this.#columns;
  }

  set top(entry) {
    this.scroller.scrollTop = (entry / this.#columns) * this.window.height;
  }

  // tryIt says whether the list is being asked for, again where that failed. When it is not any more, there may be reason to
  // ask for the next page: what came was drawn while it was still being asked for.
  tryIt(trying) {
    this.trying = trying;
    this.#tell();
    if (!trying) this.#askAhead(this.window.range.last);
  }

  // tell says what there is to say of the list as a whole.
  #tell() {
    const { entries, done, started, error } = this.listing;
    this.waiting.hidden = started || (Boolean(error) && !this.trying);
    this.message.hidden = !done || entries.length > 0 || Boolean(error);
    this.trouble?.show(error, entries.length > 0);
    this.grid.hidden = entries.length === 0;
  }

  refresh() {
    if (this.press.putsOff()) return;
    const held = this.body.contains(document.activeElement);
    this.#shown = this.listing.entries;
    this.#tell();
    this.#keepPlace();
    this.#measure();
    const lines = this.window.count + (this.layout === 'grid' ? 0 : 1); // and the head
    this.grid.setAttribute('aria-rowcount', this.listing.done ? lines : -1);
    this.selection.prune();
    if (held && !this.body.contains(document.activeElement)) this.focusActive();
  }

  // keepPlace puts the keyboard on what came into the place of an entry that is gone, so that one goes on from there.
  #keepPlace() {
    const { selection, listing: { entries } } = this;
    if (selection.active && selection.activeIndex < 0 && this.#at >= 0 && entries.length) {
      selection.go(entries[Math.min(this.#at, entries.length - 1)].ID);
    }
    this.#at = selection.activeIndex;
  }

  #moved() {
    this.#at = this.selection.activeIndex;
    if (!this.press.putsOff()) this.#measure();
  }

  // measureSoon waits until the browser is done with telling sizes, which drawing changes.
  #measureSoon() {
    cancelAnimationFrame(this.#frame);
    this.#frame = requestAnimationFrame(() => this.#measure());
  }

  #measure() {
    const tiles = this.layout === 'grid';
    this.#columns = tiles ? Math.max(2, Math.floor(this.scroller.clientWidth / TILE.width)) : 1;
    this.body.style.setProperty('--columns', this.#columns);
    const height = tiles ? TILE.height : NARROW.matches ? ROW.narrow : ROW.wide;
    this.window.set({ count: Math.ceil(this.#shown.length / this.#columns), height });
  }

  #inLine(index) {
    return this.#shown.slice(index * this.#columns, (index + 1) * this.#columns);
  }

  #line(index, old) {
    const entries = this.#inLine(index);
    // A row in which somebody is writing a name stays, whatever the drive says meanwhile.
    const fresh = old && (entries.every((e, i) => old.entries[i] === e) || old.querySelector('.renaming'));
    const line = fresh ? old : this.layout === 'grid' ? this.#tiles(entries) : makeRow(entries[0], this.face(entries[0]));
    line.entries = entries;
    const cells = this.layout === 'grid' ? line.children : [line];
    const { active } = this.selection;
    for (const [i, cell] of [...cells].entries()) {
      const { ID } = entries[i];
      const reachable = active ? ID === active : index === 0 && i === 0;
      showState(cell, { selected: this.selection.has(ID), active: ID === active, reachable, index, away: this.isAway(ID) });
    }
    if (this.layout === 'grid') line.setAttribute('aria-rowindex', index + 1);
    return line;
  }

  #tiles(entries) {
    return h('div', { class: 'line', role: 'row' }, entries.map((e) => makeTile(e, this.face(e))));
  }

  #heldLine() {
    const held = document.activeElement?.closest?.('[data-id]');
    if (!held || !this.body.contains(held)) return -1;
    const index = this.#shown.findIndex((e) => e.ID === held.dataset.id);
    return index < 0 ? -1 : Math.floor(index / this.#columns);
  }

  #askAhead(lastLine) {
    const { listing } = this;
    if (listing.done || listing.error || this.stop.signal.aborted || !this.element.isConnected) return;
    if (listing.entries.length - lastLine * this.#columns < AHEAD) void this.load();
  }

  entryOf(target) {
    const id = target.closest?.('[data-id]')?.dataset.id;
    return this.listing.entries.find((e) => e.ID === id);
  }

  elementOf(id) {
    return this.body.querySelector(`[data-id="${CSS.escape(id)}"]`);
  }

  // focusActive puts the focus where the selection's keyboard is, scrolling there.
  focusActive() {
    const index = Math.max(0, this.selection.activeIndex);
    if (!this.listing.entries.length) return;
    this.press.end();
    this.window.show(Math.floor(index / this.#columns));
    this.elementOf(this.listing.entries[index].ID)?.focus({ preventScroll: true });
  }

  #clicked(event) {
    const entry = this.entryOf(event.target);
    if (!entry || event.target.closest('.actions, .renaming, a.where')) return;
    const { selection } = this;
    const many = event.ctrlKey || event.metaKey;
    if (event.shiftKey) {
      event.preventDefault();
      getSelection()?.removeAllRanges();
      selection.range(entry.ID, many);
    } else if (many || event.target.matches('.tick')) {
      if (many) event.preventDefault();
      selection.toggle(entry.ID);
    } else if (event.target.closest('a.name')) {
      selection.go(entry.ID);
    } else if (event.pointerType === 'touch') {
      if (selection.size) selection.toggle(entry.ID);
      else this.open(entry);
    } else {
      selection.only(entry.ID);
    }
  }

  #doubled(event) {
    const entry = this.entryOf(event.target);
    if (entry && !event.target.closest('.actions, .tick, .renaming, a')) this.open(entry);
  }

  #asked(event) {
    const entry = this.entryOf(event.target);
    if (event.target.closest('.renaming, .heads') || !(entry || this.place)) return;
    event.preventDefault();
    const at = { x: event.clientX, y: event.clientY };
    if (!entry) {
      this.selection.clear();
      this.place(at);
      return;
    }
    this.#pick(entry);
    this.menu(at);
  }

  // pick makes an entry part of what is selected, the only one unless it was part already.
  #pick(entry) {
    if (!this.selection.has(entry.ID)) this.selection.only(entry.ID);
  }

  #focused(event) {
    const entry = this.entryOf(event.target);
    if (entry && event.target.matches('[data-id]') && this.selection.active !== entry.ID) this.selection.go(entry.ID);
  }
}
