// The frame around everything: where one can go, what is brought, how full the drive is, and whose it is.

import { bytes } from '../format.js';
import { language, t } from '../words.js';
import { openAccount } from './account.js';
import { brand, button, chooser, h, icon } from './dom.js';
import { openMenu } from './menu.js';
import { pickFiles } from './pick.js';
import { SearchBox } from './search-box.js';

const VIEWS = { files: 'drive', recent: 'recent', trash: 'trash' };

export class Shell {
  // take(items) uploads what was chosen; mkdir() makes a folder; changePassword() asks for another one; signout() ends the session.
  constructor({ username, take, mkdir, changePassword, signout }) {
    Object.assign(this, { username, take, mkdir, changePassword, signout });
    this.place = h('main', { class: 'place', id: 'place', tabIndex: -1 });
    this.tabs = [];
    this.offline = h('p', { class: 'offline', role: 'status', testid: 'offline', hidden: navigator.onLine },
      icon('offline'), t('app.offline'));
    this.files = chooser({ multiple: true, testid: 'upload-input', onfiles: take });
    this.folder = chooser({ folders: true, multiple: true, testid: 'folder-input', onfiles: take });
    this.meter = new QuotaMeter();
    this.search = new SearchBox();
    this.element = h('div', { class: 'drive' },
      h('a', { class: 'skip', href: '#place', onclick: (event) => this.#skip(event) }, t('nav.skip')),
      this.#head(), this.#side(), this.place, this.#bottom(), this.files, this.folder);
    this.stop = new AbortController();
    const { signal } = this.stop;
    for (const name of ['online', 'offline']) {
      window.addEventListener(name, () => (this.offline.hidden = navigator.onLine), { signal });
    }
  }

  close() {
    this.stop.abort();
    this.search.close();
  }

  showView(view) {
    for (const tab of this.tabs) {
      if (tab.dataset.view === view) tab.setAttribute('aria-current', 'page');
      else tab.removeAttribute('aria-current');
    }
  }

  #skip(event) {
    event.preventDefault();
    this.place.querySelector('[role=grid] [tabindex="0"]')?.focus() ?? this.place.focus();
  }

  #head() {
    return h('header', { class: 'top' }, this.#mark(), this.search.element, this.offline, this.#account());
  }

  #mark() {
    return h('a', { class: 'brand', href: '#/files', 'aria-label': 'Blinkdrive' }, brand(), h('span', {}, 'Blinkdrive'));
  }

  #account() {
    const label = t('files.action', { action: t('nav.account'), name: this.username });
    const opener = button({ icon: 'user', label, kind: 'account', testid: 'account', 'aria-haspopup': 'dialog',
      onclick: () => openAccount(opener, { username: this.username, meter: new QuotaMeter(this.meter.figures),
        changePassword: this.changePassword, signout: this.signout }) });
    opener.append(h('span', { class: 'who', testid: 'who' }, this.username));
    return opener;
  }

  #side() {
    return h('aside', { class: 'side' },
      this.#adder('new', 'wide'),
      h('nav', { class: 'views', 'aria-label': t('nav.views') }, Object.keys(VIEWS).map((v) => this.#tab(v, `nav-${v}`))),
      this.meter.element);
  }

  // bottom is for thumbs: the same places and the same button on a phone.
  #bottom() {
    const tabs = Object.keys(VIEWS).map((v) => this.#tab(v, `tab-${v}`));
    return h('nav', { class: 'bottom', 'aria-label': t('nav.views') }, tabs, this.#adder('new-phone', 'round'));
  }

  #tab(view, testid) {
    const tab = h('a', { href: `#/${view}`, testid }, icon(VIEWS[view]), h('span', {}, t(`nav.${view}`)));
    tab.dataset.view = view;
    this.tabs.push(tab);
    return tab;
  }

  #adder(testid, kind) {
    const text = kind === 'wide' ? t('files.new') : undefined;
    const opener = button({ icon: 'plus', label: t('files.new'), text, testid, kind: `primary new ${kind}`,
      'aria-haspopup': 'menu', 'aria-expanded': 'false', onclick: () => openMenu(opener, this.newMenu(), t('files.new')) });
    return opener;
  }

  // newMenu is what can be brought or made.
  newMenu() {
    const item = (name, look, testid, run) => ({ label: t(`files.${name}`), icon: look, testid, run });
    return [
      item('upload', 'upload', 'upload-files', () => pickFiles(this.files, this.take)),
      item('uploadFolder', 'upload-folder', 'upload-folder', () => this.folder.click()),
      '-',
      item('newFolder', 'new-folder', 'new-folder', this.mkdir),
    ];
  }
}

// QuotaMeter shows how much of the drive is used, and how much is promised to files on their way.
export class QuotaMeter {
  constructor(figures = null) {
    this.used = h('span', { class: 'used' });
    this.reserved = h('span', { class: 'reserved' });
    this.bar = h('div', { class: 'meter', role: 'meter', 'aria-valuemin': 0, 'aria-valuemax': 100 }, this.used, this.reserved);
    this.text = h('p', { class: 'quiet', testid: 'quota' });
    this.more = h('p', { class: 'quiet reserved-text', testid: 'quota-reserved' });
    this.saved = h('p', { class: 'quiet saved', title: t('quota.savedWhy'), testid: 'quota-saved' });
    this.element = h('section', { class: 'quota', 'aria-label': t('quota.title'), hidden: true }, this.bar, this.text, this.more, this.saved);
    if (figures) this.show(figures);
  }

  show(figures) {
    const { Used, Reserved, Quota, BytesSaved } = figures;
    const amount = (n) => bytes(n, language());
    const part = (n) => (Quota > 0 ? Math.min(100, (n / Quota) * 100) : 0);
    this.figures = figures;
    this.element.hidden = false;
    this.bar.hidden = !(Quota > 0);
    this.text.textContent = t(Quota > 0 ? 'quota.used' : 'quota.plain', { used: amount(Used), total: amount(Quota) });
    this.more.textContent = Reserved > 0 ? t('quota.reserved', { amount: amount(Reserved) }) : '';
    this.saved.replaceChildren(...(BytesSaved > 0 ? [icon('bolt'), h('span', {}, t('quota.saved', { amount: amount(BytesSaved) }))] : []));
    this.used.hidden = !(Used > 0);
    this.used.style.width = `${part(Used)}%`;
    this.reserved.style.width = `${Math.min(part(Reserved), 100 - part(Used))}%`;
    this.bar.setAttribute('aria-label', t('quota.title'));
    this.bar.setAttribute('aria-valuenow', Math.round(part(Used)));
    this.bar.setAttribute('aria-valuetext', this.text.textContent);
    this.element.dataset.full = part(Used + Reserved) > 90 ? 'nearly' : '';
  }
}
