// Choosing a folder to move or copy things to.

import { sorry, t } from '../words.js';
import { askName, showDialog, titled } from './dialog.js';
import { button, h, icon } from './dom.js';
import { crumbs, join } from './route.js';
import { attempt } from './toast.js';

const PAGE = 1000;

// askFolder returns the path of the chosen folder, or null. hidden(entry) leaves out folders that cannot be it; action says
// what is done there.
export async function askFolder({ api, start, title, hidden, action }) {
  const choice = new FolderChoice({ api, hidden });
  const ok = button({ label: action, text: action, kind: 'primary', testid: 'move-here', autofocus: true,
    onclick: () => dialog.close('ok') });
  const make = button({ icon: 'new-folder', label: t('files.newFolder'), text: t('files.newFolder'), testid: 'move-new-folder',
    onclick: () => choice.make() });
  const { dialog, closed } = showDialog({ label: title, kind: 'folders', testid: 'move' },
    titled(title, () => dialog.close('')), choice.element, h('div', { class: 'buttons apart' }, make, ok));
  await choice.go(start);
  return (await closed) === 'ok' ? choice.path : null;
}

class FolderChoice {
  constructor({ api, hidden }) {
    Object.assign(this, { api, hidden });
    this.path = '/';
    this.trail = h('ol', { class: 'trail' });
    this.list = h('ul', { class: 'folder-list', testid: 'move-folders' });
    this.message = h('p', { class: 'quiet' });
    this.element = h('div', { class: 'folder-choice' }, h('nav', { 'aria-label': t('nav.path') }, this.trail), this.list, this.message);
  }

  async go(path) {
    this.path = path;
    this.#showTrail();
    this.list.replaceChildren();
    this.message.textContent = t('files.loading');
    await attempt(async () => {
      const folders = await this.#folders(path).catch((err) => {
        if (path === this.path) this.message.textContent = sorry(err);
        throw err;
      });
      if (path !== this.path) return; // gone on meanwhile
      this.list.replaceChildren(...folders.map((f) => this.#item(f)));
      this.message.textContent = folders.length ? '' : t('move.noFolders');
    });
  }

  // folders come first in a list by name, so the first file ends them.
  async #folders(path) {
    const folders = [];
    for (let cursor; ; ) {
      const page = await this.api.query({ path, sort: 'name', limit: PAGE, cursor });
      folders.push(...page.entries.filter((e) => e.Kind === 'folder' && !this.hidden(e)));
      cursor = page.cursor;
      if (!cursor || page.entries.at(-1)?.Kind !== 'folder') return folders;
    }
  }

  #showTrail() {
    const steps = [{ name: t('nav.root'), path: '/' }, ...crumbs(this.path)];
    this.trail.replaceChildren(...steps.map(({ name, path }, i) => {
      const here = i === steps.length - 1 ? 'location' : undefined;
      return h('li', {}, h('button', { type: 'button', class: 'link', 'aria-current': here, onclick: () => this.go(path) }, name));
    }));
  }

  #item({ FileName }) {
    const open = () => this.go(join(this.path, FileName));
    const item = h('button', { type: 'button', class: 'folder', testid: 'move-folder', onclick: open },
      icon('folder', 'kind folder'), h('span', { class: 'name' }, FileName), icon('right'));
    item.dataset.name = FileName;
    return h('li', {}, item);
  }

  async make() {
    const name = await askName(t('files.folderName'));
    if (name && (await attempt(() => this.api.mkdir(join(this.path, name))))) await this.go(join(this.path, name));
  }
}
