// One place of the drive on the screen: a folder, the recent files, or the trash. Its bar, its list, its keys.

import { Listing, orders } from '../listing.js';
import { recallChoice, rememberChoice } from '../prefs.js';
import { persist, Waiting } from '../retry.js';
import { Selection } from '../selection.js';
import { t } from '../words.js';
import { Actions } from './actions.js';
import { selectStem } from './dialog.js';
import { button, h, icon } from './dom.js';
import { dragEntries, takesEntries } from './drag.js';
import { ListView } from './list.js';
import { openMenu } from './menu.js';
import { crumbs, folderLink, homeLink, parentOf, searchLink, showLink } from './route.js';
import { SelectionBar } from './selection-bar.js';
import { report } from './toast.js';

const SORTS = { files: ['name', 'size', 'time'], search: ['name', 'newest'], recent: [], trash: [] };
const SEARCHED = 20; // pages that are looked through for an entry that an address names
// TILE_PICTURE and ROW_PICTURE are the sizes of thumbnails; a fine screen gets finer ones.
const FINE = (globalThis.devicePixelRatio ?? 1) > 1.3;
const TILE_PICTURE = FINE ? 512 : 256;
const ROW_PICTURE = 128;
const scrolled = new Map(); // place → where its list was, for coming back

export class FolderView {
  // source: {view: 'files', path}, {view: 'search', text, below}, {view: 'recent'} or {view: 'trash'}; changed() says that
  // the drive is another; newMenu() is what can be brought or made here.
  constructor({ api, source, clashes, clipboard, changed, add, newMenu }) {
    Object.assign(this, { api, source, clipboard, add, newMenu });
    this.waiting = new Waiting();
    this.sorts = SORTS[source.view];
    this.sortChoice = source.view === 'search' ? 'sort-found' : 'sort';
    const sort = recallChoice(this.sortChoice);
    this.sort = this.sorts.includes(sort) ? sort : this.sorts[0];
    this.layout = recallChoice('layout') === 'grid' ? 'grid' : 'list';
    this.stop = new AbortController();
    this.listing = new Listing({ load: (page) => this.#load(page), order: source.view === 'files' ? orders[this.sort] : null });
    this.selection = new Selection(() => this.listing.entries);
    this.actions = new Actions({ api, listing: this.listing, selection: this.selection, source, clashes, clipboard, changed,
      open: (entry) => this.open(entry), rename: (entry) => this.#askName(entry) });
    this.selected = new SelectionBar({ selection: this.selection, listing: this.listing, actions: this.actions });
    this.bar = h('div', { class: 'bar' }, this.#title(), h('div', { class: 'tools' }, this.#tools()));
    this.element = h('div', { class: `place-view ${source.view} as-${this.layout}` }, this.bar, this.selected.element);
    this.#makeList();
  }

  close() {
    scrolled.set(this.source.place, this.list.scroller.scrollTop);
    this.stop.abort();
    this.listing.close();
    this.list.close();
  }

  // start loads the first page and goes where the person was.
  async start() {
    const top = scrolled.get(this.source.place) ?? 0;
    await this.#more();
    while (top && !this.listing.done && this.list.window.count * this.list.window.height < top + 2000) {
      const before = this.listing.entries.length;
      await this.#more();
      if (this.listing.entries.length === before) break;
    }
    this.list.scroller.scrollTop = top;
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
      report(err);
      return true;
    }
  }

  // more loads the next page. What may pass, as when the line was cut, is told of once and tried again until it does.
  async #more() {
    const { signal } = this.stop;
    if (signal.aborted) return; // somebody is elsewhere by now
    let told = false;
    const onWait = (waits) => {
      if (waits && !told) report(this.listing.error);
      told = true;
    };
    try {
      await persist(() => this.listing.more(), { waiting: this.waiting, signal, onWait });
    } catch (err) {
      if (!signal.aborted) report(err);
    }
  }

  #load({ cursor, limit }) {
    const { view, path, text, below } = this.source;
    if (view === 'trash') return this.api.trash({ cursor, limit });
    if (view === 'search') {
      return this.api.search({ query: text, path: below, sort: this.sort, cursor, limit, signal: this.stop.signal });
    }
    return this.api.query(view === 'files' ? { path, sort: this.sort, cursor, limit } : { cursor, limit });
  }

  #title() {
    const { view, path, text } = this.source;
    if (view === 'search') return h('h1', { class: 'found' }, t('search.found', { text }));
    if (view !== 'files') return h('h1', {}, t(`nav.${view}`));
    const steps = [{ name: t('nav.root'), path: '/' }, ...crumbs(path)];
    const link = (step, i) => {
      const here = i === steps.length - 1 ? 'page' : undefined;
      const a = h('a', { href: folderLink(step.path), 'aria-current': here, draggable: false }, step.name);
      if (!here) takesEntries(a, (copy) => this.actions.dropped(step.path, copy));
      return h('li', {}, a);
    };
    const up = steps.length > 1 && h('a', { class: 'button bare up', href: folderLink(parentOf(path)), 'aria-label': t('nav.up'),
      title: t('nav.up'), testid: 'up' }, icon('left'));
    return h('div', { class: 'crumbs' }, up, h('h1', { class: 'unseen' }, steps.at(-1).name),
      h('nav', { 'aria-label': t('nav.path'), testid: 'crumbs' }, h('ol', {}, steps.map(link))));
  }

  #tools() {
    const tools = [];
    if (this.source.view === 'trash') {
      tools.push(button({ icon: 'trash', label: t('files.emptyTheTrash'), text: t('files.emptyTheTrash'), kind: 'danger',
        testid: 'empty-trash', onclick: () => this.actions.emptyTrash() }));
    }
    if (this.source.view === 'search') tools.push(...this.#scope());
    if (this.sorts.length) {
      const sorter = button({ icon: 'sort', label: t('sort.by', { what: t(`sort.${this.sort}`) }), kind: 'sorter', testid: 'sort',
        'aria-haspopup': 'menu', onclick: () => openMenu(sorter, this.#sorts(), t('sort.title')) });
      tools.push(sorter);
    }
    const other = this.layout === 'grid' ? 'list' : 'grid';
    tools.push(button({ icon: other, label: t(`files.as.${other}`), testid: 'layout', onclick: () => this.#choose('layout', other) }));
    return tools;
  }

  // scope narrows a search to the folder that it began in, or widens it again.
  #scope() {
    const { text, below, from } = this.source;
    const folder = below === '/' ? from : below;
    if (!folder || folder === '/') return [];
    const here = below !== '/';
    const turn = () => location.replace(searchLink(text, here ? '/' : folder)); // the same search, so no step of history
    return [h('button', { type: 'button', class: `button scope${here ? ' on' : ''}`, 'aria-pressed': String(here), onclick: turn,
      testid: 'search-scope' }, icon(here ? 'check' : 'folder'),
      h('span', {}, t('search.below', { folder: folder.split('/').at(-1) })))];
  }

  #sorts() {
    return this.sorts.map((name) => ({ label: t(`sort.${name}`), checked: name === this.sort, testid: `sort-${name}`,
      run: () => this.#choose(this.sortChoice, name) }));
  }

  // choose changes how the list looks; the place is built anew.
  #choose(what, value) {
    rememberChoice(what, value);
    document.dispatchEvent(new CustomEvent('relist', { detail: what }));
  }

  #makeList() {
    this.list = new ListView({ listing: this.listing, selection: this.selection, layout: this.layout, heads: this.#heads(),
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

  #heads() {
    const { view } = this.source;
    const head = (name, kind) => {
      const sort = name === 'time' && view === 'search' ? 'newest' : name;
      const sortable = this.sorts.includes(sort);
      const now = sortable && this.sort === sort;
      const word = t(name === 'time' && view === 'trash' ? 'sort.deleted' : `sort.${name}`);
      const order = now ? { 'aria-sort': name === 'name' ? 'ascending' : 'descending' } : {};
      const content = sortable
        ? h('button', { type: 'button', onclick: () => this.#choose(this.sortChoice, sort) }, word, now && icon('down', name === 'name' ? 'turned' : ''))
        : word;
      return h('span', { class: kind, role: 'columnheader', ...order }, content);
    };
    return h('div', { role: 'rowgroup', class: 'heads' }, h('div', { role: 'row', class: 'entry head', 'aria-rowindex': 1 },
      h('span', { class: 'pick', role: 'columnheader' }, this.selected.everything()),
      head('name', 'title'), head('time', 'time'), head('size', 'size'),
      h('span', { class: 'actions', role: 'columnheader' }, h('span', { class: 'unseen' }, t('files.actions')))));
  }

  #empty() {
    const { view, text } = this.source;
    const words = { files: t('files.empty'), recent: t('files.emptyRecent'), trash: t('files.emptyTrash'),
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
      href: trash ? undefined : file ? showLink(this.source.place, entry.ID) : folderLink(this.actions.pathOf(entry)),
      download: file && !trash ? this.api.downloadURL(entry.ID) : undefined,
      thumbnail: file && !trash ? this.api.thumbnailURL(entry, this.layout === 'grid' ? TILE_PICTURE : ROW_PICTURE) : undefined,
      where: this.source.view === 'files' ? undefined : this.#where(entry, trash),
      found: this.source.text,
      offers: this.actions.quick(entry),
      more,
    };
  }

  #where(entry, trash) {
    const path = parentOf(entry.Path);
    return { path, href: trash ? undefined : homeLink(entry) };
  }

  #menu(at) {
    const entries = this.selection.entries();
    if (entries.length) openMenu(at, this.actions.offers(entries), t('files.actions'));
  }

  open(entry) {
    if (this.actions.inTrash) return;
    location.hash = entry.Kind === 'folder' ? folderLink(this.actions.pathOf(entry)) : showLink(this.source.place, entry.ID);
  }

  // askName puts a field in place of a name and returns what was written there, or null.
  async #askName(entry) {
    this.selection.only(entry.ID);
    this.list.focusActive();
    const element = this.list.elementOf(entry.ID);
    const name = element?.querySelector('.name');
    if (!name) return null;
    const input = h('input', { class: 'renaming', value: entry.FileName, maxLength: 255, 'aria-label': t('files.newName'),
      testid: 'rename-input', autocomplete: 'off', spellcheck: false });
    element.draggable = false;
    name.hidden = true;
    name.after(input);
    selectStem(input);
    const answer = await answered(input);
    input.remove();
    name.hidden = false;
    element.draggable = true;
    element.focus();
    return answer?.trim() || null;
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

function answered(input) {
  return new Promise((resolve) => {
    input.addEventListener('keydown', (event) => {
      event.stopPropagation();
      if (event.key === 'Enter' && !event.isComposing) resolve(input.value);
      else if (event.key === 'Escape') resolve(null);
    });
    input.addEventListener('blur', () => resolve(input.value));
  });
}
