// The queue of uploads: a panel that says how it goes in total, and a row for each file, of which only those in sight
// are drawn.

import { bytes, duration, percent } from '../format.js';
import { ACTIVE, OVER } from '../upload.js';
import { language, t } from '../words.js';
import { button, h } from './dom.js';
import { announce } from './toast.js';
import { UploadRow } from './upload-row.js';
import { Windowed } from './windowed.js';

const REFRESH = 200; // ms between changes of figures that people read
const HEIGHT = 72;
const IN_SIGHT = 5; // rows before one has to scroll

// What needs somebody comes first, what is over last.
const RANKS = { failed: 0, needsfile: 1, asking: 2, uploading: 3, checking: 3, hashing: 3, queued: 4, paused: 5 };

export class UploadsView {
  #rows = new Map(); // upload → row
  #order = [];
  #timer = 0;
  #wasBusy = false;

  constructor(engine) {
    this.engine = engine;
    this.body = h('ul', { class: 'lines', testid: 'uploads' });
    this.scroller = h('div', { class: 'scroller', tabIndex: -1 }, this.body);
    this.element = h('section', { class: 'uploads', 'aria-label': t('upload.title'), hidden: true, testid: 'upload-panel' },
      this.#head(), this.scroller);
    this.window = new Windowed({ scroller: this.scroller, body: this.body, height: HEIGHT,
      keyOf: (i) => this.#order[i], line: (i) => this.#row(this.#order[i]) });
    this.window.held = () => this.#order.findIndex((u) => this.#rows.get(u)?.element.contains(document.activeElement));
    if (matchMedia('(max-width: 720px)').matches) this.#toggle(); // a phone's list needs the room
    this.stop = new AbortController();
    const { signal } = this.stop;
    engine.addEventListener('list', () => this.#soon(), { signal });
    engine.addEventListener('change', () => this.#soon(), { signal });
    // Speeds fall by themselves when nothing moves.
    this.ticker = setInterval(() => engine.busy && this.#soon(), 5 * REFRESH);
    this.#refresh();
  }

  #head() {
    const act = (name, look, run) => button({ icon: look, label: t(`upload.${name}`), testid: `uploads-${name}`, onclick: run });
    const { engine } = this;
    this.title = h('h2', { testid: 'uploads-title' });
    this.total = h('p', { class: 'quiet', testid: 'uploads-total' });
    this.bar = h('progress', { max: 100, 'aria-label': t('upload.title') });
    this.buttons = {
      pauseAll: act('pauseAll', 'pause', () => engine.pauseAll()),
      resumeAll: act('resumeAll', 'play', () => engine.resumeAll()),
      retryAll: act('retryAll', 'restore', () => engine.retryAll()),
      cancelAll: act('cancelAll', 'close', () => engine.cancelAll()),
      clear: act('clear', 'check', () => engine.clearEnded()),
    };
    this.fold = button({ icon: 'down', label: t('upload.fold'), kind: 'fold', testid: 'uploads-fold', 'aria-expanded': 'true',
      onclick: () => this.#toggle() });
    return h('header', {}, h('div', { class: 'sum' }, this.title, this.total), h('div', { class: 'tools' },
      Object.values(this.buttons), this.fold), this.bar);
  }

  #toggle() {
    const folded = this.element.classList.toggle('folded');
    this.fold.setAttribute('aria-expanded', String(!folded));
    this.window.draw();
  }

  // close lets go of the engine.
  close() {
    this.stop.abort();
    clearTimeout(this.#timer);
    clearInterval(this.ticker);
    this.window.close();
  }

  #soon() {
    this.#timer ||= setTimeout(() => this.#refresh(), REFRESH);
  }

  #refresh() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    const { uploads } = this.engine;
    this.element.hidden = uploads.length === 0;
    const there = new Set(uploads);
    for (const upload of this.#rows.keys()) if (!there.has(upload)) this.#rows.delete(upload);
    const rank = (u) => (OVER.has(u.state) ? 9 : RANKS[u.state] ?? 6);
    this.#order = uploads.map((u, i) => [rank(u), i, u]).sort((a, b) => a[0] - b[0] || a[1] - b[1]).map(([, , u]) => u);
    this.scroller.style.height = `${Math.min(IN_SIGHT, uploads.length) * HEIGHT}px`;
    this.window.set({ count: uploads.length });
    this.#showTotal(uploads);
  }

  #row(upload) {
    let row = this.#rows.get(upload);
    if (!row) this.#rows.set(upload, (row = new UploadRow(this.engine, upload)));
    row.refresh();
    return row.element;
  }

  #showTotal(uploads) {
    const sum = { sent: 0, size: 0, speed: 0, over: 0, failed: 0, paused: 0, going: 0, needsfile: 0 };
    for (const upload of uploads) add(sum, upload);
    const { going, over, failed } = sum;
    const count = uploads.length - sum.needsfile;
    this.title.textContent = going ? t('upload.going', { n: over, of: count })
      : failed ? t('upload.someFailed', { n: failed })
        : sum.paused ? t('upload.somePaused', { n: sum.paused })
          : count ? t('upload.allDone', { n: over }) : t('upload.unfinished', { n: sum.needsfile });
    this.element.classList.toggle('going', going > 0);
    this.total.replaceChildren(...(going ? this.#figures(sum) : []));
    this.bar.hidden = !going;
    this.bar.value = percent(sum.sent, sum.size);
    const { pauseAll, resumeAll, retryAll, cancelAll, clear } = this.buttons;
    pauseAll.hidden = !going;
    resumeAll.hidden = !sum.paused || going > 0;
    retryAll.hidden = !failed;
    cancelAll.hidden = going + sum.paused + failed === 0;
    clear.hidden = over === 0;
    if (this.#wasBusy && !going) announce(this.title.textContent);
    this.#wasBusy = going > 0;
  }

  #figures({ sent, size, speed }) {
    const amount = (n) => bytes(n, language());
    const parts = { progress: t('upload.progress', { sent: amount(sent), size: amount(size) }) };
    if (speed > 0 && sent < size) {
      parts.speed = t('upload.speed', { speed: amount(speed) });
      parts.left = t('upload.left', { time: duration((size - sent) / speed) });
    }
    return Object.entries(parts).map(([kind, text]) => h('span', { class: kind }, text));
  }
}

// add counts an upload into the sum.
function add(sum, upload) {
  const { state } = upload;
  const going = state === 'queued' || ACTIVE.has(state);
  if (OVER.has(state)) sum.over++;
  else if (going) sum.going++;
  else if (state in sum) sum[state]++;
  if (!going && !OVER.has(state)) return;
  sum.sent += upload.sent;
  sum.size += upload.size;
  if (state === 'uploading') sum.speed += upload.speed;
}
