// The bar above a list: where one is, and how the list looks. And the heads of its columns.

import { t } from '../words.js';
import { button, h, icon } from './dom.js';
import { takesEntries } from './drag.js';
import { openMenu } from './menu.js';
import { crumbs, folderLink, searchLink } from './route.js';

export class PlaceBar {
  // sorting says how the list is sorted and can be; choose(what, value) chooses another order or layout.
  constructor({ source, sorting, layout, actions, choose }) {
    Object.assign(this, { source, sorting, layout, actions, choose });
    this.element = h('div', { class: 'bar' }, this.#title(), h('div', { class: 'tools' }, this.#tools()));
  }

  #title() {
    const { view, path, text, folder } = this.source;
    if (folder) return this.#crumbs([{ name: t('nav.trash'), href: '#/trash' }, { name: folder.FileName, href: this.source.place }]);
    if (view === 'search') return h('h1', { class: 'found' }, t('search.found', { text }));
    if (view !== 'files') return h('h1', {}, t(`nav.${view}`));
    return this.#crumbs([{ name: t('nav.root'), path: '/' }, ...crumbs(path)].map((step) => ({ ...step, href: folderLink(step.path) })));
  }

  // crumbs are the steps to a folder, as {name, href}, with the path if entries can be moved there.
  #crumbs(steps) {
    const link = (step, i) => {
      const here = i === steps.length - 1 ? 'page' : undefined;
      const a = h('a', { href: step.href, 'aria-current': here, draggable: false }, step.name);
      if (!here && step.path) takesEntries(a, (copy) => this.actions.dropped(step.path, copy));
      return h('li', {}, a);
    };
    const up = steps.length > 1 && h('a', { class: 'button bare up', href: steps.at(-2).href, 'aria-label': t('nav.up'),
      title: t('nav.up'), testid: 'up' }, icon('left'));
    return h('div', { class: 'crumbs' }, up, h('h1', { class: 'unseen' }, steps.at(-1).name),
      h('nav', { 'aria-label': t('nav.path'), testid: 'crumbs' }, h('ol', {}, steps.map(link))));
  }

  #tools() {
    const tools = [];
    if (this.source.view === 'trash' && !this.source.folder) {
      tools.push(button({ icon: 'trash', label: t('files.emptyTheTrash'), text: t('files.emptyTheTrash'), kind: 'danger',
        testid: 'empty-trash', onclick: () => this.actions.emptyTrash() }));
    }
    if (this.source.view === 'search') tools.push(...this.#scope());
    if (this.sorting.sorts.length) {
      const sorter = button({ icon: 'sort', label: t('sort.by', { what: t(`sort.${this.sorting.sort}`) }), kind: 'sorter', testid: 'sort',
        'aria-haspopup': 'menu', onclick: () => openMenu(sorter, this.#sorts(), t('sort.title')) });
      tools.push(sorter);
    }
    const other = this.layout === 'grid' ? 'list' : 'grid';
    tools.push(button({ icon: other, label: t(`files.as.${other}`), testid: 'layout', onclick: () => this.choose('layout', other) }));
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
    const { sorting } = this;
    const by = (name) => ({ label: t(`sort.${name}`), checked: name === sorting.sort, testid: `sort-${name}`,
      run: () => name !== sorting.sort && this.choose(sorting.choice, sorting.turned(name)) });
    const way = (order) => ({ label: t(`sort.${order}`), checked: order === sorting.order, testid: `sort-${order}`,
      run: () => this.choose(sorting.choice, sorting.as(order)) });
    return [...sorting.sorts.map(by), '-', way('asc'), way('desc')];
  }

  // heads are those of the columns; everything is the box that selects all.
  heads(everything) {
    const { source: { view }, sorting } = this;
    const times = { search: 'newest', trash: 'deleted' };
    const head = (name, kind) => {
      const sort = name === 'time' ? times[view] ?? name : name;
      const sortable = sorting.sorts.includes(sort);
      const now = sortable && sorting.sort === sort;
      const word = t(sort === 'newest' ? 'sort.time' : `sort.${sort}`);
      const order = now ? { 'aria-sort': sorting.rises ? 'ascending' : 'descending' } : {};
      const content = sortable
        ? h('button', { type: 'button', onclick: () => this.choose(sorting.choice, sorting.turned(sort)) }, word, now && icon('down', sorting.rises ? 'turned' : ''))
        : word;
      return h('span', { class: kind, role: 'columnheader', ...order }, content);
    };
    return h('div', { role: 'rowgroup', class: 'heads' }, h('div', { role: 'row', class: 'entry head', 'aria-rowindex': 1 },
      h('span', { class: 'pick', role: 'columnheader' }, everything),
      head('name', 'title'), head('time', 'time'), head('size', 'size'),
      h('span', { class: 'actions', role: 'columnheader' }, h('span', { class: 'unseen' }, t('files.actions')))));
  }
}
