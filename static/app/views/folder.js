// One place of the drive on the screen: a folder, the recent files, or the trash. Its bar, its list, its keys.

import { Code } from '../api.js';
import { left } from '../format.js';
import { Listing, orderOf } from '../listing.js';
import { recallChoice, rememberChoice } from '../prefs.js';
import { persist, Waiting } from '../retry.js';
import { Selection } from '../selection.js';
import { language, t } from '../words.js';
import { Actions } from './actions.js';
import { button, h, icon } from './dom.js';
import { dragEntries } from './drag.js';
import { ListView } from './list.js';
import { openMenu } from './menu.js';
import { askName } from './name-field.js';
import { PlaceBar } from './place-bar.js';
import { folderLink, homeLink, parentOf, showLink, trashLink } from './route.js';
import { SelectionBar } from './selection-bar.js';
import { Sorting } from './sorting.js';
import { report } from './toast.js';
import { Trouble } from './trouble.js';

const SEARCHED = 20; // pages that are looked through for an entry that an address names
const BELOW = 60; // entries that are loaded below the one to which a person comes back
// TILE_PICTURE and ROW_PICTURE are the sizes of thumbnails; a fine screen gets finer ones.
const FINE = (globalThis.devicePixelRatio ?? 1) > 1.3;
const TILE_PICTURE = FINE ? 512 : 256;
const ROW_PICTURE = 128;
const scrolled = new Map(); // place → where its list was, for coming back

export class FolderView {
  #loading = null;

  // source: {view: 'files', path}, {view: 'search', text, below}, {view: 'recent'}, {view: 'trash'}, or
  // {view: 'trash', folder} for a folder there; changed() says that the drive is another; newMenu() is what can be brought or made here.
  constructor({ api, source, clashes, clipboard, changed, add, newMenu }) {
    Object.assign(this, { api, source, clipboard, add, newMenu });
    this.waiting = new Waiting();
    const sorting = new Sorting(source.folder ? 'trash-folder' : source.view);
    Object.assign(this, { sort: sorting.sort, order: sorting.order });
    this.layout = recallChoice('layout') === 'grid' ? 'grid' : 'list';
    this.stop = new AbortController();
    this.listing = new Listing({ load: (page) => this.#load(page), order: source.view === 'files' ? orderOf(this.sort, this.order) : null });
    this.selection = new Selection(() => this.listing.entries);
    this.actions = new Actions({ api, listing: this.listing, selection: this.selection, source, clashes, clipboard, changed,
      open: (entry) => this.open(entry), rename: (entry) => this.#askName(entry) });
    this.selected = new SelectionBar({ selection: this.selection, listing: this.listing, actions: this.actions });
    this.bar = new PlaceBar({ source, sorting, layout: this.layout, actions: this.actions,
      choose: (what, value) => this.#choose(what, value) });
    this.element = h('div', { class: `place-view ${source.view} as-${this.layout}` }, this.bar.element, this.selected.element);
    this.#makeList();
    window.addEventListener('online', () => this.waiting.wake(), { signal: this.stop.signal });
  }

  close() {
    scrolled.set(this.source.place, this.list.top);
    this.stop.abort();
    this.listing.close();
    this.list.close();
  }

  // start loads the first page and goes where the person was.
  async start() {
    const top = scrolled.get(this.source.place) ?? 0;
    await this.#more();
    while (top && !this.listing.done && this.listing.entries.length < top + BELOW) {
      const before = this.listing.entries.length;
      await this.#more();
      if (this.listing.entries.length === before) break;
    }
    this.list.top = top;
    if (this.source.at) await this.showEntry(this.source.at);
  }

  // showEntry selects the entry that an address names, if it is not too far down.
  async showEntry(id) {
    const there = () => this.listing.entries.some((e) => e.ID === id);
    for (let page = 0; page < SEARCHED && !there() && !this.listing.done && !this.listing.error; page++) await this.#more();
    if (!there()) return;
    this.selection.only(id);
    this.list.focusActive();
  }

  // refresh asks the drive again; false: the list is too long for that.
  async refresh() {
    try {
      return await this.listing.refresh();
    } catch (err) {
      // Of a folder that is gone nothing is left to see.
      if (err.code === Code.NotFound) this.listing.fail(err);
      else report(err);
      return true;
    }
  }

  // more loads the next page. What may pass, as when the line was cut, is tried again until it does; the list says so.
  #more() {
    this.#loading ??= this.#persist().finally(() => {
      this.#loading = null;
      this.list.tryIt(false);
    });
    return this.#loading;
  }

  async #persist() {
    const { signal } = this.stop;
    if (signal.aborted) return; // somebody is elsewhere by now
    this.list.tryIt(true);
    try {
      await persist(() => this.listing.more(), { waiting: this.waiting, signal });
    } catch (err) {
      if (!signal.aborted && err.signedOut) report(err);
    }
  }

  // again is for a person who does not want to wait, or for whom there is nothing to wait for.
  #again() {
    if (this.#loading) this.waiting.wake();
    else this.#more();
  }

  #load({ cursor, limit }) {
    const { view, path, text, below, folder } = this.source;
    const { sort, order } = this;
    if (folder) return this.api.trash({ id: folder.ID, cursor, limit });
    if (view === 'trash') return this.api.trash({ order, cursor, limit });
    if (view === 'search') return this.api.search({ query: text, path: below, sort, order, cursor, limit, signal: this.stop.signal });
    return this.api.query(view === 'files' ? { path, sort, order, cursor, limit } : { cursor, limit });
  }

  // choose changes how the list looks; the place is built anew.
  #choose(what, value) {
    rememberChoice(what, value);
    document.dispatchEvent(new CustomEvent('relist', { detail: what }));
  }

  #makeList() {
    this.list = new ListView({ listing: this.listing, selection: this.selection, layout: this.layout,
      heads: this.bar.heads(this.selected.everything()), trouble: new Trouble({ again: () => this.#again(), folder: this.#inFolder() }),
      face: (entry) => this.#face(entry), open: (entry) => this.open(entry), menu: (at) => this.#menu(at),
      load: () => this.#more(), empty: this.#empty(), isAway: (id) => this.clipboard.isCut(id),
      place: this.source.view === 'files' ? (at) => this.#placeMenu(at) : undefined });
    this.element.append(this.list.element);
    this.clipboard.addEventListener('change', () => this.list.refresh(), { signal: this.stop.signal });
    if (this.source.view === 'trash') return;
    dragEntries(this.list, this.selection, (entry, copy) => this.actions.dropped(this.actions.pathOf(entry), copy));
  }

  // placeMenu is what can be done with the place itself.
  #placeMenu(at) {
    const paste = this.clipboard.entries.length > 0 && { label: t('paste.here', { n: this.clipboard.entries.length }), icon: 'paste',
      testid: 'do-paste', run: () => this.actions.paste() };
    openMenu(at, [...(paste ? [paste, '-'] : []), ...this.newMenu()], t('files.new'));
  }

  #inFolder() {
    const { view, path, below } = this.source;
    return (view === 'files' && path !== '/') || (view === 'search' && below !== '/');
  }

  #empty() {
    const { view, text, folder } = this.source;
    const words = { files: t('files.empty'), recent: t('files.emptyRecent'), trash: t(folder ? 'trash.emptyFolder' : 'files.emptyTrash'),
      search: t('search.none', { text: text ?? '' }) }[view];
    const look = { files: 'folder', recent: 'recent', trash: 'trash', search: 'search' }[view];
    const bring = (view === 'files' || view === 'recent') && button({ icon: 'upload', label: t('files.upload'), text: t('files.upload'),
      testid: 'empty-upload', onclick: () => this.add() });
    return [icon(look, 'large'), h('p', {}, words), bring].filter(Boolean);
  }

  #face(entry) {
    const file = entry.Kind === 'file';
    const trash = this.actions.inTrash;
    const more = (at) => {
      if (!this.selection.has(entry.ID)) this.selection.only(entry.ID);
      this.#menu(at);
    };
    return {
      href: this.#href(entry),
      download: file && !trash ? this.api.downloadURL(entry.ID) : undefined,
      thumbnail: file && !trash ? this.api.thumbnailURL(entry, this.layout === 'grid' ? TILE_PICTURE : ROW_PICTURE) : undefined,
      where: this.source.view === 'files' ? undefined : this.#where(entry, trash),
      found: this.source.text,
      offers: this.actions.quick(entry),
      more,
    };
  }

  // href is where an entry opens; a file in the trash does not.
  #href(entry) {
    const file = entry.Kind === 'file';
    if (this.actions.inTrash) return file ? undefined : trashLink(entry);
    return file ? showLink(this.source.place, entry.ID) : folderLink(this.actions.pathOf(entry));
  }

  #where(entry, trash) {
    const path = parentOf(entry.Path);
    if (!trash) return { path, href: homeLink(entry) };
    return { path, more: entry.ExpiresAt && t('trash.left', { left: left(entry.ExpiresAt, language()) }) };
  }

  #menu(at) {
    const entries = this.selection.entries();
    if (entries.length) openMenu(at, this.actions.offers(entries), t('files.actions'));
  }

  open(entry) {
    const href = this.#href(entry);
    if (href) location.hash = href;
  }

  // askName puts a field in place of a name and returns what was written there, or null.
  async #askName(entry) {
    this.selection.only(entry.ID);
    this.list.focusActive();
    return askName(this.list.elementOf(entry.ID), entry);
  }

  // key does what a key means here; it returns whether it meant anything.
  key(event) {
    const entries = this.selection.entries();
    const { actions } = this;
    const command = event.ctrlKey || event.metaKey;
    if (command && event.key.toLowerCase() === 'a') this.selected.all();
    else if (event.key === 'Escape' && this.clipboard.moves) this.clipboard.clear();
    else if (event.key === 'Escape' && this.selection.size) this.selection.clear();
    else if (command && 'cx'.includes(event.key.toLowerCase())) return this.#hold(event.key.toLowerCase(), entries);
    else if (command || !entries.length) return false;
    else if (event.key === 'Delete') void (actions.inTrash ? actions.purge(entries) : actions.remove(entries));
    else if (event.key === 'F2' && entries.length === 1 && !actions.inTrash) actions.rename(entries[0]);
    else return false;
    return true;
  }

  // hold copies or cuts the selection, unless it is text that is selected.
  #hold(letter, entries) {
    if (!entries.length || this.actions.inTrash || getSelection()?.toString()) return false;
    this.actions.hold(entries, letter === 'c' ? 'copy' : 'cut');
    return true;
  }
}
