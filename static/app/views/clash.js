// What to do about taken names: asked one at a time, in the order in which they came up, and once for all where the
// person says so.

import { t } from '../words.js';
import { button, h } from './dom.js';
import { showDialog } from './dialog.js';

export class ClashQuestions {
  #last = Promise.resolve();
  #forAll = new Map(); // group → answer
  #forFolders = new Map(); // group → answer for those that can neither replace nor be replaced

  // ask returns rename, replace or skip for a name. A group is what one act of a person brought: its answers may be for all.
  // replace: this can be replaced, because both are files.
  ask({ group, name, folder, single = false, replace = true }) {
    const answer = this.#last.then(() => this.#answered(group, replace) ?? this.#ask({ group, name, folder, single, replace }));
    this.#last = answer.catch(() => {});
    return answer;
  }

  #answered(group, replace) {
    const how = this.#forAll.get(group);
    return replace || (how && how !== 'replace') ? how : this.#forFolders.get(group);
  }

  async #ask({ group, name, folder, single, replace }) {
    const all = h('input', { type: 'checkbox', testid: 'clash-all' });
    const choice = (how, kind = '') => button({ label: t(`clash.${how}`), text: t(`clash.${how}`), kind, testid: `clash-${how}`,
      onclick: () => dialog.close(how) });
    const { dialog, closed } = showDialog({ labelledby: 'clash-title', testid: 'clash' },
      h('h2', { id: 'clash-title' }, t('clash.title')),
      h('p', {}, t('clash.text', { name, folder })),
      h('p', { class: 'quiet' }, t(replace ? 'clash.replaceMeans' : 'clash.noReplace')),
      !single && h('label', { class: 'check' }, all, h('span', {}, t('clash.all'))),
      h('div', { class: 'buttons' }, choice('skip'), replace && choice('replace'), choice('rename', 'primary')));
    const how = (await closed) || 'skip';
    if (all.checked) (replace ? this.#forAll : this.#forFolders).set(group, how);
    return how;
  }
}
