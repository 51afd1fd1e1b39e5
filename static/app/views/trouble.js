// What stands where a list could not be had: why, and what can be done about it.

import { Code } from '../api.js';
import { sorry, t } from '../words.js';
import { button, h, icon } from './dom.js';
import { folderLink } from './route.js';
import { announce } from './toast.js';

export class Trouble {
  // again() tries once more; folder says that the list is one of a folder other than the top.
  constructor({ again, folder }) {
    this.folder = folder;
    this.look = h('span', { class: 'look' });
    this.why = h('p', { testid: 'trouble-why' });
    this.top = h('a', { class: 'button', href: folderLink('/'), testid: 'trouble-top' }, t('files.top'));
    this.element = h('div', { class: 'trouble', testid: 'trouble', hidden: true }, this.look, this.why,
      h('div', { class: 'buttons' }, this.top,
        button({ label: t('files.again'), text: t('files.again'), kind: 'primary', testid: 'trouble-again', onclick: again })));
  }

  // show says what went wrong, if anything did; part: some of the list is there.
  show(err, part) {
    this.element.hidden = !err || err.signedOut; // whoever is signed out is asked for the password
    if (this.element.hidden) {
      this.why.textContent = '';
      return;
    }
    const gone = this.folder && err.code === Code.NotFound;
    const why = gone ? t('files.gone') : sorry(err);
    this.element.classList.toggle('part', part);
    this.top.hidden = !gone;
    if (this.why.textContent === why) return; // so that it is not read aloud for each try
    this.look.replaceChildren(icon(gone ? 'folder' : 'offline', 'large'));
    this.why.textContent = why;
    announce(why);
  }
}
