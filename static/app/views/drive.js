// The drive of somebody who is signed in: head, where one is, uploads, and the list.

import { bytes } from '../format.js';
import { language, t } from '../words.js';
import { askText } from './dialog.js';
import { button, chooser, h } from './dom.js';
import { acceptDrops } from './drop.js';
import { languageChoice } from './language.js';
import { ListView } from './list.js';
import { crumbs, folderLink, join, parseRoute } from './route.js';
import { attempt } from './toast.js';
import { UploadsView } from './uploads.js';

const SETTLE = 300; // ms; many uploads that end together make one new list

export class DriveView {
  #stop = new AbortController();
  #timer = 0;

  constructor({ api, engine, username, signout }) {
    Object.assign(this, { api, engine, username, signout });
    this.uploads = new UploadsView(engine);
    this.nav = h('nav', { class: 'tabs', 'aria-label': t('nav.views') });
    this.quota = h('span', { class: 'quiet', testid: 'quota' });
    this.bar = h('div', { class: 'bar' });
    this.place = h('div', { class: 'place' });
    this.element = h('div', { class: 'drive' }, this.#head(),
      h('main', {}, this.bar, this.uploads.element, this.place));
    const { signal } = this.#stop;
    window.addEventListener('hashchange', () => this.show(), { signal });
    engine.addEventListener('finished', () => this.#changedSoon(), { signal });
    this.endDrops = acceptDrops({ take: (files) => this.#take(files), folderName: () => this.#folderName() });
    this.show();
  }

  // close lets go of everything outside the element.
  close() {
    this.#stop.abort();
    clearTimeout(this.#timer);
    this.uploads.close();
    this.endDrops();
  }

  // show brings what the address says.
  show() {
    this.route = parseRoute(location.hash);
    this.#showTabs();
    this.bar.replaceChildren(this.#path(), h('div', { class: 'buttons' }, this.#buttons()));
    this.list = new ListView({ api: this.api, source: this.route, changed: () => this.#changed() });
    this.place.replaceChildren(this.list.element);
    this.#changed();
  }

  #head() {
    return h('header', { class: 'top' },
      h('a', { class: 'brand', href: '#/files' },
        h('img', { src: '/static/app/icon.svg', alt: '', width: 28, height: 28 }), h('span', {}, 'Blinkdrive')),
      this.nav,
      h('div', { class: 'account', role: 'group', 'aria-label': t('nav.account') },
        h('span', { class: 'who' }, h('strong', { testid: 'who' }, this.username), this.quota),
        languageChoice(),
        button({ label: t('auth.signout'), text: t('auth.signout'), testid: 'signout', kind: 'plain',
          onclick: this.signout })));
  }

  #showTabs() {
    const tab = (view, href) => {
      const here = view === this.route.view ? 'page' : undefined;
      return h('a', { href, 'aria-current': here, testid: `nav-${view}` }, t(`nav.${view}`));
    };
    this.nav.replaceChildren(tab('files', '#/files'), tab('recent', '#/recent'), tab('trash', '#/trash'));
  }

  #path() {
    const { view, path } = this.route;
    if (view !== 'files') return h('h1', {}, t(`nav.${view}`));
    const steps = [{ name: t('nav.root'), path: '/' }, ...crumbs(path)];
    const link = (step, i) => {
      const here = i === steps.length - 1 ? 'page' : undefined;
      return h('li', {}, h('a', { href: folderLink(step.path), 'aria-current': here }, step.name));
    };
    return h('div', { class: 'crumbs' },
      h('h1', { class: 'unseen' }, steps.at(-1).name),
      h('nav', { 'aria-label': t('nav.path'), testid: 'crumbs' }, h('ol', {}, steps.map(link))));
  }

  #buttons() {
    const written = (name, look) => ({ ...look, label: t(`files.${name}`), text: t(`files.${name}`) });
    if (this.route.view === 'trash') {
      return button(written('emptyTheTrash', { icon: 'trash', testid: 'empty-trash', kind: 'danger',
        onclick: () => this.list.emptyTrash() }));
    }
    const folder = button(written('newFolder', { icon: 'plus', testid: 'new-folder', onclick: () => this.#mkdir() }));
    return [
      this.route.view === 'files' && folder,
      ...chooser(written('upload', { icon: 'upload', testid: 'upload-files', inputTestid: 'upload-input',
        kind: 'primary', multiple: true, onfiles: (files) => this.#take(files) })),
    ];
  }

  async #mkdir() {
    const name = await askText(t('files.folderName'));
    if (!name) return;
    await attempt(() => this.api.mkdir(join(this.route.path, name)));
    this.#changed();
  }

  // take uploads files to the folder that is shown, or to the root.
  #take(files) {
    this.engine.add(files, this.route.path ?? '/');
  }

  #folderName() {
    return crumbs(this.route.path ?? '/').at(-1)?.name ?? t('nav.root');
  }

  #changedSoon() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#changed(), SETTLE);
  }

  // changed brings the list and the quota up to date.
  #changed() {
    attempt(() => this.list.refresh());
    attempt(async () => this.#showQuota(await this.api.info()));
  }

  #showQuota({ Used, Quota }) {
    const used = bytes(Used, language());
    const key = Quota > 0 ? 'quota.used' : 'quota.plain';
    this.quota.textContent = t(key, { used, total: bytes(Quota, language()) });
  }
}
