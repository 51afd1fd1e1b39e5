// What can be done with the entries of a list, and doing it.

import { Code } from '../api.js';
import { each } from '../each.js';
import { t } from '../words.js';
import { confirmed } from './dialog.js';
import { showDetails, showLink } from './details.js';
import { askFolder } from './move.js';
import { join, parentOf } from './route.js';
import { attempt, report, toast } from './toast.js';

const WORTH_TELLING = 30; // so many take long enough to say how far it is

export class Actions {
  // rename(entry) asks for another name in the list; changed() says that the drive is another; clashes are the questions.
  constructor({ api, listing, selection, source, clashes, rename, open, changed }) {
    Object.assign(this, { api, listing, selection, source, clashes, askName: rename, open, changed });
  }

  get inTrash() {
    return this.source.view === 'trash';
  }

  // quick are the ones that each row offers.
  quick(entry) {
    const act = (name, look, run) => ({ name, icon: look, run });
    if (this.inTrash) return [act('restore', 'restore', () => this.restore([entry])), act('purge', 'trash', () => this.purge([entry]))];
    return [act('rename', 'rename', () => this.rename(entry)), act('delete', 'trash', () => this.remove([entry]))];
  }

  // offers are all that suit some entries, as items of a menu or buttons of a bar.
  offers(entries) {
    const one = entries.length === 1 ? entries[0] : null;
    const file = one?.Kind === 'file';
    const act = (name, look, run, more = {}) => ({ name, label: t(`files.${name}`), icon: look, testid: `do-${name}`, run, ...more });
    if (this.inTrash) {
      return [act('restore', 'restore', () => this.restore(entries)),
        act('purge', 'trash', () => this.purge(entries), { danger: true })];
    }
    return [
      one && act('open', one.Kind === 'folder' ? 'folder' : 'eye', () => this.open(one), { menuOnly: true }),
      file && act('download', 'download', () => this.download(one)),
      file && act('link', 'link', () => attempt(() => showLink({ api: this.api, entry: one }))),
      one && act('rename', 'rename', () => this.rename(one)),
      act('move', 'move', () => this.move(entries)),
      one && act('details', 'info', () => attempt(() => showDetails({ api: this.api, entry: one }))),
      act('delete', 'trash', () => this.remove(entries), { danger: true }),
    ].filter(Boolean);
  }

  download({ ID, FileName }) {
    const link = document.createElement('a');
    Object.assign(link, { href: this.api.downloadURL(ID), download: FileName });
    link.click();
  }

  async rename(entry) {
    const name = await this.askName(entry);
    if (!name || name === entry.FileName) return;
    if (await attempt(async () => this.listing.put({ ...entry, ...(await this.api.rename(entry.ID, name)) }))) {
      this.selection.only(entry.ID);
    }
    this.changed();
  }

  async remove(entries) {
    const gone = await this.#forEach(entries, 'busy.delete', ({ ID }) => this.api.remove(ID));
    if (!gone.length) return;
    const text = gone.length === 1 ? t('files.trashed', { name: gone[0].FileName }) : t('files.trashedMany', { n: gone.length });
    toast(text, { label: t('files.undo'), run: () => this.#undo(gone, 'busy.restore', ({ ID }) => this.api.restore(ID)) });
  }

  async restore(entries) {
    const back = await this.#forEach(entries, 'busy.restore', ({ ID }) => this.api.restore(ID));
    if (!back.length) return;
    toast(back.length === 1 ? t('files.restored', { name: back[0].FileName }) : t('files.restoredMany', { n: back.length }));
  }

  async purge(entries) {
    const one = entries.length === 1;
    const sure = one ? t('files.purgeSure', { name: entries[0].FileName }) : t('files.purgeManySure', { n: entries.length });
    if (!(await confirmed(sure, t('files.purge')))) return;
    await this.#forEach(entries, 'busy.purge', ({ ID }) => this.api.purge(ID));
  }

  async emptyTrash() {
    if (!(await confirmed(t('files.emptySure'), t('files.emptyTheTrash')))) return;
    await attempt(() => this.api.purge());
    this.changed();
  }

  async move(entries) {
    const ids = new Set(entries.map((e) => e.ID));
    const title = entries.length === 1 ? t('move.one', { name: entries[0].FileName }) : t('move.many', { n: entries.length });
    const start = this.source.path ?? '/';
    const target = await askFolder({ api: this.api, start, title, hidden: (e) => ids.has(e.ID) });
    if (target !== null) await this.moveTo(entries, target);
  }

  // moveTo moves entries into a folder and offers to take that back.
  async moveTo(entries, target) {
    const from = new Map(entries.map((e) => [e.ID, parentOf(e.Path)]));
    const going = entries.filter((e) => from.get(e.ID) !== target && e.Path !== target);
    const moved = await this.#forEach(going, 'busy.move', (entry) => this.#moveOne(entry, target, going));
    if (!moved.length) return;
    const folder = target === '/' ? t('nav.root') : target.split('/').at(-1);
    const text = moved.length === 1 ? t('move.done', { name: moved[0].FileName, folder }) : t('move.doneMany', { n: moved.length, folder });
    const back = (entry) => this.api.move(entry.ID, from.get(entry.ID), 'rename');
    toast(text, { label: t('files.undo'), run: () => this.#undo(moved, 'busy.move', back) });
  }

  async #moveOne(entry, target, group) {
    try {
      await this.api.move(entry.ID, target, 'fail');
    } catch (err) {
      if (err.code !== Code.Conflict) throw err;
      const folder = target === '/' ? t('nav.root') : target;
      const how = await this.clashes.ask({ group, name: entry.FileName, folder, single: group.length === 1 });
      if (how === 'skip') throw new Skipped();
      await this.api.move(entry.ID, target, how);
    }
  }

  // forEach does something to entries that takes them off this list; it returns those for which it went well.
  async #forEach(entries, words, run) {
    const done = await this.#run(entries, words, run);
    this.listing.remove(done.map((e) => e.ID));
    this.changed();
    return done;
  }

  async #undo(entries, words, run) {
    await this.#run(entries, words, run);
    this.changed();
  }

  async #run(entries, words, run) {
    const say = (n) => t(words, { n, of: entries.length });
    const stop = new AbortController();
    const news = entries.length >= WORTH_TELLING && toast(say(0), { label: t('dialog.stop'), run: () => stop.abort() });
    const done = [];
    const tell = (n) => news && n % 10 === 0 && news.say(say(n));
    const one = async (entry) => {
      await run(entry);
      done.push(entry);
    };
    const failures = await each(entries, one, { signal: stop.signal, onProgress: tell });
    if (news) news.end();
    const serious = failures.filter(({ err }) => !(err instanceof Skipped));
    if (serious.length) report(serious[0].err);
    if (serious.length > 1) toast(t('busy.failed', { n: serious.length }));
    return done;
  }

  // dropped handles entries that were dragged onto a folder's path.
  dropped(path) {
    return this.moveTo(this.selection.entries(), path);
  }

  pathOf(entry) {
    return entry.Path || join(this.source.path ?? '/', entry.FileName);
  }
}

// Skipped ends one move that a person did not want.
class Skipped extends Error {}
