// The field for searching by name. The address is what is searched for, so that back and forward, and links, work.

import { t } from '../words.js';
import { button, h, icon } from './dom.js';
import { parseRoute, searchLink } from './route.js';

const PAUSE = 250; // ms without a key after which one has written a word

export class SearchBox {
  #timer = 0;
  #cameFromList = false;

  constructor() {
    this.input = h('input', { type: 'search', name: 'search', placeholder: t('search.hint'), 'aria-label': t('search.hint'),
      autocomplete: 'off', autocapitalize: 'none', spellcheck: false, enterKeyHint: 'search', testid: 'search' });
    this.clear = button({ icon: 'close', label: t('search.end'), testid: 'search-end', hidden: true, onclick: () => this.#leave() });
    this.element = h('form', { class: 'search-box', role: 'search', action: '#' }, icon('search'), this.input, this.clear);
    this.input.addEventListener('input', () => this.#typed());
    this.input.addEventListener('keydown', (event) => this.#key(event));
    this.element.addEventListener('submit', (event) => {
      event.preventDefault();
      this.#go();
    });
  }

  close() {
    clearTimeout(this.#timer);
  }

  // show brings the field up to what the address says.
  show({ view, text = '' }) {
    this.searching = view === 'search';
    if (!this.searching) this.#cameFromList = false;
    if (document.activeElement !== this.input || !this.searching || !this.input.value) this.input.value = text;
    this.clear.hidden = !this.input.value;
  }

  focus() {
    this.input.focus();
    this.input.select();
  }

  #typed() {
    this.clear.hidden = !this.input.value;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#go(), PAUSE);
  }

  // go searches. What is written letter by letter is one step of history.
  #go() {
    clearTimeout(this.#timer);
    const text = this.input.value.trim();
    if (!text) {
      if (this.searching) this.#leave();
      return;
    }
    const { below } = parseRoute(location.hash);
    const link = searchLink(text, below);
    if (link === location.hash) return;
    if (this.searching) {
      location.replace(link);
    } else {
      this.#cameFromList = true;
      location.hash = link;
    }
  }

  #leave() {
    clearTimeout(this.#timer);
    this.input.value = '';
    this.input.blur();
    this.clear.hidden = true;
    if (!this.searching) return;
    if (this.#cameFromList) history.back();
    else location.hash = '#/files';
  }

  #key(event) {
    if (event.key === 'Escape' && this.input.value) {
      event.preventDefault();
      this.#leave();
    } else if (event.key === 'ArrowDown') {
      event.preventDefault();
      document.querySelector('#place [role=grid] [tabindex="0"]')?.focus();
    }
  }
}
