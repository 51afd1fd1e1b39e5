// A file over its list. The address says which, so that back closes it and a link opens it; the arrows go to the next.

import { bytes } from '../format.js';
import { language, t } from '../words.js';
import { button, h, icon } from './dom.js';
import { previewOf } from './preview-content.js';
import { showLink } from './route.js';
import { attempt } from './toast.js';

const SWIPE = 60; // pixels that a finger goes to turn the page
const AHEAD = 5; // files before the end of what is loaded at which more is asked for

export class Preview {
  #dialog = null;
  #content = null; // {element, close}
  #cameFromList = false;
  #left = false;
  #asked = 0;
  #finger = null; // where it came down

  constructor({ api }) {
    this.api = api;
  }

  // show brings the file of that ID to the front, or with null leaves. What can be done with it, actions knows.
  async show(id, where) {
    const asked = ++this.#asked;
    const wasListed = Boolean(this.where) && !this.#dialog;
    this.where = where;
    if (!id) {
      this.#dialog?.close('left');
      return;
    }
    if (!this.#dialog) this.#cameFromList = wasListed;
    const listed = where.listing.entries.find((e) => e.ID === id);
    let entry = listed;
    const known = listed || (await attempt(async () => (entry = await this.api.meta(id))));
    if (asked !== this.#asked) return;
    if (known) this.#open(entry);
    else this.#leave();
  }

  close() {
    this.#asked++;
    this.#dialog?.close('left');
  }

  #open(entry) {
    this.entry = entry;
    if (!this.#dialog) this.#make();
    this.title.textContent = entry.FileName;
    this.size.textContent = bytes(entry.FileSize, language());
    this.download.href = this.api.downloadURL(entry.ID);
    this.download.download = entry.FileName;
    this.#showPlace();
    this.#content?.close();
    this.#content = previewOf(entry, this.api);
    this.stage.replaceChildren(this.#content.element);
    this.#askAhead();
  }

  #make() {
    this.#left = false;
    const act = (name, look, run) => button({ icon: look, label: t(`files.${name}`), testid: `preview-${name}`, onclick: run });
    const offer = (name) => this.where.actions.offers([this.entry]).find((o) => o.name === name)?.run();
    this.title = h('h2', { id: 'preview-title', testid: 'preview-title' });
    this.size = h('span', { class: 'quiet' });
    this.count = h('span', { class: 'quiet', testid: 'preview-count' });
    this.download = h('a', { class: 'button bare', title: t('files.download'), 'aria-label': t('files.download'),
      testid: 'preview-download' }, icon('download'));
    this.stage = h('div', { class: 'stage', tabIndex: -1, autofocus: true, testid: 'preview-stage' });
    this.before = act('previous', 'left', () => this.#step(-1));
    this.after = act('next', 'right', () => this.#step(1));
    this.#dialog = h('dialog', { class: 'preview', 'aria-labelledby': 'preview-title', testid: 'preview' },
      h('header', {}, h('div', { class: 'about' }, this.title, h('p', {}, this.size, this.count)),
        h('div', { class: 'tools' }, this.download, act('link', 'link', () => offer('link')),
          act('details', 'info', () => offer('details')), act('close', 'close', () => this.#leave()))),
      this.before, this.stage, this.after);
    this.#dialog.addEventListener('close', () => this.#closed());
    this.#dialog.addEventListener('keydown', (event) => this.#key(event));
    this.stage.addEventListener('click', (event) => event.target === this.stage && this.#leave());
    this.stage.addEventListener('pointerdown', (event) => (this.#finger = event.pointerType === 'touch' ? event : null));
    this.stage.addEventListener('pointerup', (event) => this.#lifted(event));
    document.body.append(this.#dialog);
    this.#dialog.showModal();
  }

  #closed() {
    const byKey = this.#dialog.returnValue !== 'left';
    this.#content?.close();
    this.#content = null;
    this.#dialog.remove();
    this.#dialog = null;
    if (byKey) this.#leave();
  }

  // leave goes back to the list, without a second step of history for it.
  #leave() {
    if (this.#left) return; // a second click, before the address has changed
    this.#left = true;
    if (this.#cameFromList) history.back();
    else location.replace(this.where.place);
  }

  #files() {
    return this.where.listing.entries.filter((e) => e.Kind === 'file');
  }

  #showPlace() {
    const files = this.#files();
    const at = files.findIndex((e) => e.ID === this.entry.ID);
    this.before.disabled = at <= 0;
    this.after.disabled = at < 0 || at === files.length - 1;
    this.count.textContent = at >= 0 && this.where.listing.done ? t('preview.count', { n: at + 1, of: files.length }) : '';
  }

  #step(by) {
    const files = this.#files();
    const next = files[files.findIndex((e) => e.ID === this.entry.ID) + by];
    if (!next) return;
    this.where.actions.selection.only(next.ID);
    location.replace(showLink(this.where.place, next.ID));
  }

  // lifted turns the page by a finger that went sideways; other ways are the browser's.
  #lifted({ clientX, clientY, target }) {
    if (!this.#finger || target.closest('video, audio')) return;
    const [across, down] = [clientX - this.#finger.clientX, clientY - this.#finger.clientY];
    if (Math.abs(across) > SWIPE && Math.abs(across) > 2 * Math.abs(down)) this.#step(across < 0 ? 1 : -1);
  }

  #askAhead() {
    const { listing } = this.where;
    const at = listing.entries.findIndex((e) => e.ID === this.entry.ID);
    if (at >= 0 && !listing.done && listing.entries.length - at < AHEAD) attempt(() => listing.more().then(() => this.#showPlace()));
  }

  #key(event) {
    const playing = event.target.closest('video, audio, input');
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!by || playing || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    this.#step(by);
  }
}
