// The drive of somebody who is signed in: the frame, the place that the address names, what is shown over it, and the
// queue of uploads.

import { t } from '../words.js';
import { askName } from './dialog.js';
import { h } from './dom.js';
import { acceptDrops } from './drop.js';
import { FolderView } from './folder.js';
import { changePassword } from './password.js';
import { pickFiles } from './pick.js';
import { Preview } from './preview.js';
import { showKeys } from './keys-help.js';
import { crumbs, join, parentOf, parseRoute } from './route.js';
import { Shell } from './shell.js';
import { attempt } from './toast.js';
import { UploadsView } from './uploads.js';

const SETTLE = 300; // ms; many uploads that end together make one new list
const PASTE = 60; // ms in which the browser says that there are files to be pasted
const STALE = 30_000; // ms after which coming back to the page asks the drive again

export class DriveView {
  #stop = new AbortController();
  #timer = 0;
  #pasting = 0;
  #from = '/'; // the folder from which a search began
  #asked = 0;
  #dirty = false;
  #news = []; // entries that arrived in the folder that is shown

  constructor({ api, engine, clashes, clipboard, username, signout }) {
    Object.assign(this, { api, engine, clashes, clipboard });
    const take = (items) => this.#take(items);
    this.shell = new Shell({ username, signout, take, mkdir: () => this.#mkdir(),
      changePassword: () => changePassword({ api, username, hold: () => engine.hold(), release: () => engine.signedIn() }) });
    this.uploads = new UploadsView(engine);
    this.preview = new Preview({ api });
    this.element = h('div', { class: 'page' }, this.shell.element, this.uploads.element);
    this.#listen();
    this.endDrops = acceptDrops({ begin: () => this.#delivery(), folderName: () => this.#folderName() });
    this.show();
  }

  #listen() {
    const { signal } = this.#stop;
    const on = (target, name, listener) => target.addEventListener(name, listener, { signal });
    on(window, 'hashchange', () => this.show());
    on(document, 'relist', () => this.#open(this.route));
    on(document, 'keydown', (event) => this.#key(event));
    on(document, 'paste', ({ clipboardData }) => clipboardData?.files.length && clearTimeout(this.#pasting));
    on(document, 'visibilitychange', () => document.hidden || this.#lookAgain());
    on(this.engine, 'finished', ({ detail }) => this.#arrived(detail));
  }

  // close lets go of everything outside the element.
  close() {
    this.#stop.abort();
    clearTimeout(this.#timer);
    clearTimeout(this.#pasting);
    this.shell.close();
    this.uploads.close();
    this.preview.close();
    this.folder.close();
    this.endDrops();
  }

  // show brings what the address says. What is shown over a list leaves the list as it is.
  show() {
    const route = parseRoute(location.hash);
    if (route.view === 'files') this.#from = route.path;
    route.from = this.#from;
    if (route.place !== this.route?.place) this.#open(route);
    else if (route.at) this.folder.showEntry(route.at);
    this.route = route;
    this.shell.search.show(route);
    this.preview.show(route.show, { listing: this.folder.listing, place: route.place, actions: this.folder.actions });
  }

  #open(route) {
    this.folder?.close();
    this.#news = [];
    const { api, clashes, clipboard } = this;
    this.folder = new FolderView({ api, source: route, clashes, clipboard, changed: () => this.changedSoon(),
      newMenu: () => this.shell.newMenu(), add: () => pickFiles(this.shell.files, this.shell.take) });
    this.shell.showView(route.view);
    this.shell.place.replaceChildren(this.folder.element);
    document.title = `${titleOf(route)} – Blinkdrive`;
    this.folder.start();
    this.#askQuota();
  }

  #key(event) {
    const typing = event.target.closest?.('input:not([type=checkbox]), textarea, select, dialog, [role=menu]');
    if (typing || document.querySelector('dialog[open]')) return;
    if (event.key === '/' && !event.ctrlKey && !event.metaKey) this.shell.search.focus();
    else if (event.key === '?') showKeys();
    else if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 'v') return this.#pasteSoon();
    else if (!this.folder.key(event)) return;
    event.preventDefault();
  }

  // pasteSoon pastes entries, unless the browser is about to say that there are files to be pasted: they were copied later.
  #pasteSoon() {
    clearTimeout(this.#pasting);
    this.#pasting = setTimeout(() => this.folder.actions.paste(), PASTE);
  }

  async #mkdir() {
    const { folder } = this;
    const target = this.#target(); // somebody may go elsewhere while the name is asked for
    const name = await askName(t('files.folderName'));
    if (!name) return;
    await attempt(async () => {
      const made = await this.api.mkdir(join(target, name));
      if (parentOf(made.Path) !== folder.source.path) return;
      folder.listing.put(made);
      folder.selection.only(made.ID);
    });
    this.changedSoon();
  }

  // take uploads files to the folder that is shown, or to the root.
  #take(items) {
    this.engine.add(items, this.#target());
  }

  // delivery brings what comes bit by bit to the folder that is shown now, and asks about name clashes as of one act.
  #delivery() {
    const [target, group] = [this.#target(), {}];
    return {
      take: (items) => this.engine.add(items, target, group),
      mkdir: (path) => attempt(() => this.api.mkdir(join(target, path))).then(() => this.changedSoon()),
    };
  }

  #target() {
    return this.route?.path ?? '/';
  }

  #folderName() {
    return crumbs(this.#target()).at(-1)?.name ?? t('nav.root');
  }

  // arrived notes an uploaded file: a list too long to be asked for again gets it put in.
  #arrived({ entry }) {
    const { source } = this.folder;
    if (entry?.Path && source.view === 'files' && parentOf(entry.Path) === source.path) {
      this.#news.push({ ...entry, LastUpdated: entry.LastUpdated ?? entry.UploadAt, FileHash: entry.FileSha1 });
    }
    this.changedSoon();
  }

  // changedSoon brings the list and the quota up to date, soon and not all the time.
  changedSoon() {
    this.#dirty = true;
    this.#timer ||= setTimeout(() => this.#bringUpToDate(), SETTLE);
  }

  async #bringUpToDate() {
    const { folder } = this;
    const news = this.#news;
    this.#dirty = false;
    this.#news = [];
    if (!(await folder.refresh())) for (const entry of news) folder.listing.put(entry);
    await this.#askQuota();
    this.#timer = 0;
    if (this.#dirty && !this.#stop.signal.aborted) this.changedSoon();
  }

  #lookAgain() {
    if (Date.now() - this.#asked > STALE) this.changedSoon();
  }

  #askQuota() {
    this.#asked = Date.now();
    return attempt(async () => this.shell.meter.show(await this.api.info()));
  }
}

function titleOf({ view, path, text }) {
  if (view === 'search') return text;
  return view === 'files' ? crumbs(path).at(-1)?.name ?? t('nav.root') : t(`nav.${view}`);
}
