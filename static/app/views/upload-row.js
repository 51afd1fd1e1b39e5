// One file of the queue.

import { bytes, duration, percent } from '../format.js';
import { kindOf } from '../kinds.js';
import { OVER } from '../upload.js';
import { language, sorry, t } from '../words.js';
import { button, chooser, h, icon } from './dom.js';
import { toast } from './toast.js';

const ACTIONS = {
  queued: ['pause', 'cancel'],
  hashing: ['pause', 'cancel'],
  uploading: ['pause', 'cancel'],
  asking: ['cancel'],
  paused: ['resume', 'cancel'],
  failed: ['retry', 'cancel'],
  done: ['dismiss'],
  instant: ['dismiss'],
  present: ['dismiss'],
  skipped: ['dismiss'],
  needsfile: ['choose', 'discard'],
};

const LOOKS = {
  pause: 'pause', resume: 'play', retry: 'restore', cancel: 'close', dismiss: 'close', discard: 'trash', choose: 'file',
  continue: 'play',
};

const MARKS = { instant: 'bolt', done: 'check', present: 'check', failed: 'warning', needsfile: 'warning' };

export class UploadRow {
  #shown = '';

  constructor(engine, upload) {
    Object.assign(this, { engine, upload });
    this.state = h('span', { class: 'state', testid: 'upload-state' });
    this.figures = h('span', { class: 'quiet', testid: 'upload-figures' });
    this.bar = h('progress', { max: 100, 'aria-label': upload.name });
    this.actions = h('span', { class: 'actions' });
    const kind = kindOf({ FileName: upload.name });
    this.element = h('li', { class: 'upload', testid: 'upload' },
      icon(kind, `kind ${kind}`),
      h('span', { class: 'name', title: upload.name }, upload.name || upload.uploadId),
      this.actions, this.bar,
      h('span', { class: 'line' }, this.state, this.figures));
    this.element.dataset.name = upload.name;
  }

  refresh() {
    const { upload } = this;
    const shown = [upload.state, upload.note, Boolean(upload.handle), language()].join();
    if (shown !== this.#shown) {
      this.#shown = shown;
      this.element.dataset.state = upload.state;
      this.#setActions();
    }
    const { word, mark } = this.#words();
    if (this.state.textContent !== word) this.state.replaceChildren(...[mark && icon(mark), word].filter(Boolean));
    this.state.title = upload.state === 'instant' ? t('upload.instantWhy') : word;
    this.figures.textContent = figures(upload);
    this.bar.value = percent(upload.state === 'hashing' ? upload.hashed : upload.sent, upload.size);
  }

  #words() {
    const { upload } = this;
    if (upload.note) return { word: t(`upload.${upload.note}`) };
    if (upload.error) return { word: sorry(upload.error), mark: 'warning' };
    const state = upload.state === 'needsfile' && upload.handle ? 'needsleave' : onlyRead(upload) ? 'hashing' : upload.state;
    return { word: t(`upload.${state}`, { percent: percent(upload.hashed, upload.size) }), mark: MARKS[upload.state] };
  }

  #setActions() {
    const had = this.actions.contains(document.activeElement);
    const { state, handle } = this.upload;
    const names = state === 'needsfile' && handle ? ['continue', ...ACTIONS.needsfile] : ACTIONS[state] ?? [];
    this.actions.replaceChildren(...names.flatMap((name) => this.#action(name)));
    if (had) this.actions.querySelector('button')?.focus();
  }

  #action(name) {
    const { upload } = this;
    const label = t('files.action', { action: t(`upload.${name}`), name: upload.name });
    const look = { icon: LOOKS[name], label, testid: `upload-${name}` };
    const text = name === 'choose' || name === 'continue' ? t(`upload.${name}`) : undefined;
    if (name !== 'choose') return [button({ ...look, text, onclick: () => this.#do(name) })];
    const input = chooser({ testid: 'upload-choose-input', onfiles: ([file]) => this.#attach(file) });
    return [button({ ...look, text, onclick: () => input.click() }), input];
  }

  #attach(file) {
    if (!this.engine.attach(this.upload, file, null)) toast(t('upload.notSame'));
  }

  async #do(name) {
    const { engine, upload } = this;
    if (name === 'pause') engine.pause(upload);
    else if (name === 'resume' || name === 'retry') engine.resume(upload);
    else if (name === 'dismiss') engine.remove(upload);
    else if (name === 'continue') (await engine.continue(upload)) || toast(t('upload.notAllowed'));
    else engine.cancel(upload);
  }
}

// onlyRead: all is sent, and the page still hashes; nothing moves until that is done.
function onlyRead({ state, sent, hashed, size }) {
  return state === 'uploading' && sent >= size && hashed > 0 && hashed < size;
}

function figures(upload) {
  if (OVER.has(upload.state)) return amount(upload.size);
  const parts = [t('upload.progress', { sent: amount(upload.sent), size: amount(upload.size) })];
  if (upload.state === 'uploading' && upload.speed > 0 && upload.sent < upload.size) {
    parts.push(t('upload.speed', { speed: amount(upload.speed) }));
    if (upload.secondsLeft < 360_000) parts.push(t('upload.left', { time: duration(upload.secondsLeft) }));
  }
  return parts.join(' · ');
}

function amount(n) {
  return bytes(n, language());
}
