// The queue of uploads, a row for each.

import { bytes, duration, percent } from '../format.js';
import { language, sorry, t } from '../words.js';
import { button, chooser, h, icon } from './dom.js';
import { toast } from './toast.js';

const REFRESH = 200; // ms between changes of figures that people read

export class UploadsView {
  #rows = new Map(); // upload → row
  #dirty = new Set();
  #timer = 0;

  constructor(engine) {
    this.engine = engine;
    this.list = h('ul', { class: 'rows', testid: 'uploads' });
    this.total = h('p', { class: 'quiet', testid: 'uploads-total' });
    this.clear = button({ label: t('upload.clear'), text: t('upload.clear'), testid: 'uploads-clear', kind: 'plain',
      onclick: () => engine.clearEnded() });
    this.element = h('section', { class: 'uploads card', 'aria-label': t('upload.title'), hidden: true },
      h('header', {}, h('h2', {}, t('upload.title')), this.total, this.clear), this.list);
    this.stop = new AbortController();
    const { signal } = this.stop;
    engine.addEventListener('list', () => this.#arrange(), { signal });
    engine.addEventListener('change', ({ detail }) => this.#mark(detail), { signal });
    // Speeds fall by themselves when nothing moves.
    this.ticker = setInterval(() => this.#tick(), 5 * REFRESH);
    this.#arrange();
  }

  // close lets go of the engine.
  close() {
    this.stop.abort();
    clearTimeout(this.#timer);
    clearInterval(this.ticker);
  }

  #arrange() {
    const { uploads } = this.engine;
    for (const [upload, row] of this.#rows) {
      if (uploads.includes(upload)) continue;
      row.element.remove();
      this.#rows.delete(upload);
    }
    for (const upload of uploads) {
      if (this.#rows.has(upload)) continue;
      const row = new Row(this.engine, upload);
      this.#rows.set(upload, row);
      this.list.insertBefore(row.element, this.list.querySelector('[data-state="done"], [data-state="instant"]'));
      row.refresh();
    }
    this.element.hidden = uploads.length === 0;
    this.#refreshTotal();
  }

  #mark(upload) {
    this.#dirty.add(upload);
    this.#timer ||= setTimeout(() => this.#refresh(), REFRESH);
  }

  #tick() {
    for (const upload of this.engine.uploads) if (upload.state === 'uploading') this.#mark(upload);
  }

  #refresh() {
    this.#timer = 0;
    for (const upload of this.#dirty) this.#rows.get(upload)?.refresh();
    this.#dirty.clear();
    this.#refreshTotal();
  }

  #refreshTotal() {
    const { uploads } = this.engine;
    const going = uploads.filter((u) => u.state === 'uploading' || u.state === 'queued' || u.state === 'hashing');
    const sum = (what) => going.reduce((total, u) => total + what(u), 0);
    const [sent, size, speed] = [sum((u) => u.sent), sum((u) => u.size), sum((u) => u.speed)];
    const left = speed > 0 ? duration((size - sent) / speed) : '–';
    const figures = { sent: amount(sent), size: amount(size), speed: amount(speed), left };
    this.total.textContent = going.length > 1 ? t('upload.total', figures) : '';
    this.clear.hidden = !uploads.some((u) => u.state === 'done' || u.state === 'instant');
  }
}

class Row {
  #shown = '';

  constructor(engine, upload) {
    Object.assign(this, { engine, upload });
    this.state = h('span', { class: 'state', testid: 'upload-state' });
    this.figures = h('span', { class: 'quiet', testid: 'upload-figures' });
    this.bar = h('progress', { max: 100, 'aria-label': upload.name });
    this.actions = h('span', { class: 'actions' });
    this.element = h('li', { class: 'upload', testid: 'upload' },
      h('span', { class: 'name', title: upload.name }, upload.name || upload.uploadId),
      this.actions, this.bar,
      h('span', { class: 'line' }, this.state, this.figures));
    this.element.dataset.name = upload.name;
  }

  refresh() {
    const { upload } = this;
    const shown = upload.state + upload.note;
    if (shown !== this.#shown) {
      this.#shown = shown;
      this.element.dataset.state = upload.state;
      this.#setActions();
      this.#makeRoom();
    }
    this.state.replaceChildren(...this.#state());
    this.state.title = upload.state === 'instant' ? t('upload.instantWhy') : '';
    this.figures.textContent = figures(upload);
    this.bar.value = percent(upload.state === 'hashing' ? upload.hashed : upload.sent, upload.size);
  }

  #state() {
    const { upload } = this;
    if (upload.note) return [t(`upload.${upload.note}`)];
    if (upload.error) return [sorry(upload.error)];
    const word = t(`upload.${upload.state}`, { percent: percent(upload.hashed, upload.size) });
    const mark = { instant: 'bolt', done: 'check' }[upload.state];
    return mark ? [icon(mark), word] : [word];
  }

  #setActions() {
    const had = this.actions.contains(document.activeElement);
    const names = ACTIONS[this.upload.state] ?? [];
    this.actions.replaceChildren(...names.flatMap((name) => this.#action(name)));
    if (had) this.actions.querySelector('button')?.focus();
  }

  // makeRoom moves what is finished below what is not, unless somebody is at it with the keyboard.
  #makeRoom() {
    const over = this.upload.state === 'done' || this.upload.state === 'instant';
    if (over && !this.element.contains(document.activeElement)) this.element.parentNode?.append(this.element);
  }

  #action(name) {
    const { engine, upload } = this;
    const label = t('files.action', { action: t(`upload.${name}`), name: upload.name });
    const look = { icon: LOOKS[name], label, testid: `upload-${name}` };
    if (name === 'choose') return chooser({ ...look, text: t('upload.choose'), inputTestid: 'upload-choose-input',
      onfiles: ([file]) => engine.attach(upload, file) || toast(t('upload.notSame')) });
    return [button({ ...look, onclick: () => this.#do(name) })];
  }

  #do(name) {
    const { engine, upload } = this;
    if (name === 'pause') engine.pause(upload);
    else if (name === 'resume' || name === 'retry') engine.resume(upload);
    else if (name === 'dismiss') engine.remove(upload);
    else engine.cancel(upload);
  }
}

const ACTIONS = {
  queued: ['pause', 'cancel'],
  hashing: ['pause', 'cancel'],
  uploading: ['pause', 'cancel'],
  checking: [],
  paused: ['resume', 'cancel'],
  failed: ['retry', 'cancel'],
  done: ['dismiss'],
  instant: ['dismiss'],
  needsfile: ['choose', 'discard'],
};

const LOOKS = {
  pause: 'pause', resume: 'play', retry: 'restore', cancel: 'close', dismiss: 'close', discard: 'trash', choose: 'file',
};

function figures(upload) {
  if (upload.state === 'done' || upload.state === 'instant') return amount(upload.size);
  const parts = [t('upload.progress', { sent: amount(upload.sent), size: amount(upload.size) })];
  if (upload.state === 'uploading' && upload.speed > 0) {
    parts.push(t('upload.speed', { speed: amount(upload.speed) }));
    if (upload.secondsLeft < 360_000) parts.push(t('upload.left', { time: duration(upload.secondsLeft) }));
  }
  return parts.join(' · ');
}

function amount(n) {
  return bytes(n, language());
}
