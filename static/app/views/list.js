// One list of entries: a folder, the recent files, or the trash.

import { bytes, when } from '../format.js';
import { language, t } from '../words.js';
import { askText, confirmed } from './dialog.js';
import { button, h, icon } from './dom.js';
import { folderLink, join } from './route.js';
import { attempt, toast } from './toast.js';

const PAGE = 100;

// ListView shows what source names: {view: 'files', path}, {view: 'recent'} or {view: 'trash'}.
export class ListView {
  #cursor = '';
  #load = 0; // counts loads, so that a late answer of an earlier one is dropped

  constructor({ api, source, changed }) {
    Object.assign(this, { api, source, changed });
    this.rows = h('ul', { class: 'rows', 'aria-label': t('files.list'), testid: 'entries' });
    this.message = h('p', { class: 'empty quiet', testid: 'entries-message' }, t('files.loading'));
    this.more = h('button', { type: 'button', class: 'button', hidden: true, testid: 'entries-more',
      onclick: () => attempt(() => this.#append()) }, t('files.more'));
    this.element = h('section', { class: 'card list' }, this.rows, this.message, this.more);
  }

  // refresh shows the first page anew; the old rows stay until it is there.
  async refresh() {
    const load = ++this.#load;
    const page = await this.#page('');
    if (load !== this.#load) return;
    this.rows.replaceChildren(...this.#items(page));
    this.#cursor = page.cursor;
    this.#settle();
  }

  async #append() {
    const load = ++this.#load;
    const page = await this.#page(this.#cursor);
    if (load !== this.#load) return;
    const items = this.#items(page);
    this.rows.append(...items);
    this.#cursor = page.cursor;
    this.#settle();
    items[0]?.querySelector('a, button')?.focus();
  }

  #page(cursor) {
    const asked = { limit: PAGE, cursor: cursor || undefined };
    const { view, path } = this.source;
    if (view === 'trash') return this.api.trash(asked);
    return this.api.query(view === 'files' ? { ...asked, path, sort: 'name' } : asked);
  }

  #items({ entries }) {
    return entries.map((entry) => this.#row(entry));
  }

  #settle() {
    const empty = { files: 'files.empty', recent: 'files.emptyRecent', trash: 'files.emptyTrash' }[this.source.view];
    this.message.textContent = t(empty);
    this.message.hidden = this.rows.children.length > 0;
    this.more.hidden = !this.#cursor;
  }

  #row(entry) {
    const folder = entry.Kind === 'folder';
    const size = folder ? t('files.folder') : bytes(entry.FileSize, language());
    const time = when(entry.LastUpdated || entry.UploadAt, language());
    const row = h('li', { class: 'entry', testid: 'entry' },
      icon(folder ? 'folder' : 'file'),
      this.#name(entry, folder),
      h('span', { class: 'quiet size' }, size),
      h('span', { class: 'quiet time' }, time),
      h('span', { class: 'actions' }, this.#actions(entry, folder)));
    row.dataset.name = entry.FileName;
    row.dataset.id = entry.ID;
    return row;
  }

  #name(entry, folder) {
    const name = entry.FileName;
    if (this.source.view === 'trash') return h('span', { class: 'name', title: name }, name);
    const href = folder ? folderLink(entry.Path || join(this.source.path, name)) : this.api.downloadURL(entry.ID);
    return h('a', { class: 'name', href, title: name, download: folder ? undefined : name }, name);
  }

  #actions(entry, folder) {
    const action = (name, look, run) => button({ icon: look, testid: `entry-${name}`, onclick: run,
      label: t('files.action', { action: t(`files.${name}`), name: entry.FileName }) });
    if (this.source.view === 'trash') {
      return [
        action('restore', 'restore', () => this.#restore(entry)),
        action('purge', 'trash', () => this.#purge(entry)),
      ];
    }
    return [
      !folder && this.#download(entry),
      action('rename', 'rename', () => this.#rename(entry)),
      action('delete', 'trash', () => this.#remove(entry)),
    ];
  }

  #download({ ID, FileName }) {
    const label = t('files.action', { action: t('files.download'), name: FileName });
    const props = { class: 'button bare', href: this.api.downloadURL(ID), download: FileName, title: label };
    return h('a', { ...props, 'aria-label': label, testid: 'entry-download' }, icon('download'));
  }

  async #rename({ ID, FileName }) {
    const name = await askText(t('files.newName'), FileName);
    if (!name || name === FileName) return;
    await this.#change(() => this.api.rename(ID, name));
  }

  async #remove({ ID, FileName }) {
    if (!(await this.#change(() => this.api.remove(ID)))) return;
    const undo = () => this.#change(() => this.api.restore(ID));
    toast(t('files.trashed', { name: FileName }), { label: t('files.undo'), run: undo });
  }

  async #restore({ ID, FileName }) {
    if (await this.#change(() => this.api.restore(ID))) toast(t('files.restored', { name: FileName }));
  }

  async #purge({ ID, FileName }) {
    if (!(await confirmed(t('files.purgeSure', { name: FileName }), t('files.purge')))) return;
    await this.#change(() => this.api.purge(ID));
  }

  async emptyTrash() {
    if (!(await confirmed(t('files.emptySure'), t('files.emptyTheTrash')))) return;
    await this.#change(() => this.api.purge());
  }

  // change does something to an entry and tells; it returns whether it went well.
  async #change(run) {
    const well = await attempt(run);
    this.changed();
    return well;
  }
}
