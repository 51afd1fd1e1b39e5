// One place of the drive on the screen: a folder, the recent files, or the trash. Its bar, its list, its keys.

import { Listing, orders } from '../listing.js';
import { recallChoice, rememberChoice } from '../prefs.js';
import { Selection } from '../selection.js';
import { t } from '../words.js';
import { Actions } from './actions.js';
import { selectStem } from './dialog.js';
import { button, h, icon } from './dom.js';
import { dragEntries, takesEntries } from './drag.js';
import { ListView } from './list.js';
import { openMenu } from './menu.js';
import { crumbs, folderLink, parentOf, showLink } from './route.js';
import { SelectionBar } from './selection-bar.js';
import { report } from './toast.js';

const SORTS = ['name', 'size', 'time'];
const scrolled = new Map(); // place → where its list was, for coming back

export class FolderView {
  // source: {view: 'files', path}, {view: 'recent'} or {view: 'trash'}; changed() says that the drive is another.
  constructor({ api, source, clashes, changed, add }) {
    Object.assign(this, { api, source, add });
    const sort = recallChoice('sort');
    this.sort = SORTS.includes(sort) ? sort : 'name';
    this.layout = recallChoice('layout') === 'grid' ? 'grid' : 'list';
    this.listing = new Listing({ load: (page) => this.#load(page), order: source.view === 'files' ? orders[this.sort] : null });
    this.selection = new Selection(() => this.listing.entries);
    this.actions = new Actions({ api, listing: this.listing, selection: this.selection, source, clashes, changed,
      open: (entry) => this.open(entry), rename: (entry) => this.#askName(entry) });
    this.selected = new SelectionBar({ selection: this.selection, listing: this.listing, actions: this.actions });
    this.bar = h('div', { class: 'bar' }, this.#title(), h('div', { class: 'tools' }, this.#tools()));
    this.element = h('div', { class: `place-view ${source.view} as-${this.layout}` }, this.bar, this.selected.element);
    this.#makeList();
  }

  close() {
    scrolled.set(this.source.place, this.list.scroller.scrollTop);
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

  async #more() {
    try {
      await this.listing.more();
    } catch (err) {
      report(err);
    }
  }

  #load({ cursor, limit }) {
    const { view, path } = this.source;
    if (view === 'trash') return this.api.trash({ cursor, limit });
    return this.api.query(view === 'files' ? { path, sort: this.sort, cursor, limit } : { cursor, limit });
  }

  #title() {
    const { view, path } = this.source;
    if (view !== 'files') return h('h1', {}, t(`nav.${view}`));
    const steps = [{ name: t('nav.root'), path: '/' }, ...crumbs(path)];
    const link = (step, i) => {
      const here = i === steps.length - 1 ? 'page' : undefined;
      const a = h('a', { href: folderLink(step.path), 'aria-current': here, draggable: false }, step.name);
      if (!here) takesEntries(a, () => this.actions.dropped(step.path));
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
    if (this.source.view === 'files') {
      const sorter = button({ icon: 'sort', label: t('sort.by', { what: t(`sort.${this.sort}`) }), kind: 'sorter', testid: 'sort',
        'aria-haspopup': 'menu', onclick: () => openMenu(sorter, this.#sorts(), t('sort.title')) });
      tools.push(sorter);
    }
    const other = this.layout === 'grid' ? 'list' : 'grid';
    tools.push(button({ icon: other, label: t(`files.as.${other}`), testid: 'layout', onclick: () => this.#choose('layout', other) }));
    return tools;
  }

  #sorts() {
    return SORTS.map((name) => ({ label: t(`sort.${name}`), checked: name === this.sort, testid: `sort-${name}`,
      run: () => this.#choose('sort', name) }));
  }

  // choose changes how the list looks; the place is built anew.
  #choose(what, value) {
    rememberChoice(what, value);
    document.dispatchEvent(new CustomEvent('relist', { detail: what }));
  }

  #makeList() {
    this.list = new ListView({ listing: this.listing, selection: this.selection, layout: this.layout, heads: this.#heads(),
      face: (entry) => this.#face(entry), open: (entry) => this.open(entry), menu: (at) => this.#menu(at),
      load: () => this.#more(), empty: this.#empty() });
    this.element.append(this.list.element);
    if (this.source.view !== 'trash') dragEntries(this.list, this.selection, (entry) => this.actions.dropped(this.actions.pathOf(entry)));
  }

  #heads() {
    const sortable = this.source.view === 'files';
    const head = (name, kind) => {
      const now = sortable && this.sort === name;
      const word = t(name === 'time' && this.source.view === 'trash' ? 'sort.deleted' : `sort.${name}`);
      const order = now ? { 'aria-sort': name === 'name' ? 'ascending' : 'descending' } : {};
      const content = sortable
        ? h('button', { type: 'button', onclick: () => this.#choose('sort', name) }, word, now && icon('down', name === 'name' ? 'turned' : ''))
        : word;
      return h('span', { class: kind, role: 'columnheader', ...order }, content);
    };
    return h('div', { role: 'rowgroup', class: 'heads' }, h('div', { role: 'row', class: 'entry head', 'aria-rowindex': 1 },
      h('span', { class: 'pick', role: 'columnheader' }, this.selected.everything()),
      head('name', 'title'), head('time', 'time'), head('size', 'size'),
      h('span', { class: 'actions', role: 'columnheader' }, h('span', { class: 'unseen' }, t('files.actions')))));
  }

  #empty() {
    const { view } = this.source;
    const key = { files: 'files.empty', recent: 'files.emptyRecent', trash: 'files.emptyTrash' }[view];
    const look = { files: 'folder', recent: 'recent', trash: 'trash' }[view];
    const bring = view !== 'trash' && button({ icon: 'upload', label: t('files.upload'), text: t('files.upload'),
      testid: 'empty-upload', onclick: () => this.add() });
    return [icon(look, 'large'), h('p', {}, t(key)), bring].filter(Boolean);
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
      thumbnail: file && !trash ? this.api.downloadURL(entry.ID) : undefined,
      path: this.source.view === 'files' ? undefined : parentOf(entry.Path),
      offers: this.actions.quick(entry),
      more,
    };
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
    else if (event.key === 'Escape' && this.selection.size) this.selection.clear();
    else if (command || !entries.length) return false;
    else if (event.key === 'Delete') void (actions.inTrash ? actions.purge(entries) : actions.remove(entries));
    else if (event.key === 'F2' && entries.length === 1 && !actions.inTrash) actions.rename(entries[0]);
    else return false;
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
