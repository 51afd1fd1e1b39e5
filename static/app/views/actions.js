// What can be done with the entries of a list, and doing it.

import { Code } from '../api.js';
import { each } from '../each.js';
import { BadName } from '../entry-name.js';
import { t } from '../words.js';
import { confirmed } from './dialog.js';
import { showDetails } from './details.js';
import { download } from './download.js';
import { MAC } from './keys-help.js';
import { LINK_MOST, showLink } from './link.js';
import { askFolder } from './move.js';
import { crumbs, homeLink, join, parentOf } from './route.js';
import { attempt, report, toast } from './toast.js';

const WORTH_TELLING = 30; // so many take long enough to say how far it is

export class Actions {
  // rename(entry) asks for another name in the list; changed() says that the drive is another; clashes are the questions.
  constructor({ api, listing, selection, source, clashes, clipboard, rename, open, changed }) {
    Object.assign(this, { api, listing, selection, source, clashes, clipboard, askName: rename, open, changed });
  }

  get inTrash() {
    return this.source.view === 'trash';
  }

  // quick are the ones that each row offers.
  quick(entry) {
    const act = (name, look, run) => ({ name, icon: look, run });
    if (this.inTrash) return [act('restore', 'restore', () => this.restore([entry])), act('purge', 'trash', () => this.purge([entry]))];
    const take = entry.Kind === 'folder' ? [act('download', 'download', () => download(this.api, [entry]))] : []; // a file has a link
    return [...take, act('rename', 'rename', () => this.rename(entry)), act('delete', 'trash', () => this.remove([entry]))];
  }

  // offers are all that suit some entries, as items of a menu or buttons of a bar.
  offers(entries) {
    const one = entries.length === 1 ? entries[0] : null;
    const file = one?.Kind === 'file';
    const act = (name, look, run, more = {}) => ({ name, label: t(`files.${name}`), icon: look, testid: `do-${name}`, run, ...more });
    if (this.inTrash) {
      return [one && !file && act('open', 'folder', () => this.open(one), { menuOnly: true }),
        act('restore', 'restore', () => this.restore(entries)),
        act('purge', 'trash', () => this.purge(entries), { danger: true })].filter(Boolean);
    }
    const elsewhere = this.source.view !== 'files';
    return [
      one && act('open', file ? 'eye' : 'folder', () => this.open(one), { menuOnly: true }),
      one && elsewhere && act('home', 'folder', () => (location.hash = homeLink(one)), { menuOnly: true }),
      act('download', 'download', () => download(this.api, entries, this.#placeName())),
      entries.length <= LINK_MOST && act('link', 'link', () => attempt(() => showLink({ api: this.api, entries }))),
      one && act('rename', 'rename', () => this.rename(one)),
      act('move', 'move', () => this.move(entries)),
      act('copy', 'copy', () => this.copy(entries)),
      one && act('details', 'info', () => attempt(() => showDetails({ api: this.api, entry: one }))),
      act('delete', 'trash', () => this.remove(entries), { danger: true }),
    ].filter(Boolean);
  }

  // placeName is what a zip of several things is called.
  #placeName() {
    return crumbs(this.source.path ?? '/').at(-1)?.name ?? 'Blinkdrive';
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
    const back = []; // as they are now: a name that was taken meanwhile is another
    await this.#forEach(entries, 'busy.restore', async ({ ID }) => back.push(await this.api.restore(ID)));
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
    const target = await this.#askFolder('move', entries);
    if (target !== null) await this.moveTo(entries, target);
  }

  async copy(entries) {
    const target = await this.#askFolder('copy', entries);
    if (target !== null) await this.copyTo(entries, target);
  }

  #askFolder(what, entries) {
    const ids = new Set(entries.map((e) => e.ID));
    const title = entries.length === 1 ? t(`${what}.one`, { name: entries[0].FileName }) : t(`${what}.many`, { n: entries.length });
    const start = this.source.path ?? parentOf(entries[0].Path);
    return askFolder({ api: this.api, start, title, hidden: (e) => ids.has(e.ID), action: t(`${what}.here`) });
  }

  // hold keeps entries to be pasted elsewhere; names go to the system's clipboard, so that what was there is not pasted.
  hold(entries, how) {
    this.clipboard[how](entries);
    if (isSecureContext) navigator.clipboard?.writeText(entries.map((e) => e.FileName).join('\n')).catch(() => {});
    const { end } = toast(t(`paste.${how}`, { n: entries.length, keys: MAC ? '⌘V' : 'Ctrl+V' }));
    this.clipboard.addEventListener('change', end, { once: true });
  }

  // paste brings what was copied or cut here.
  async paste() {
    const target = this.source.path;
    if (!target || !this.clipboard.entries.length) return;
    const { entries, moves } = this.clipboard.take();
    const into = entries.filter((e) => e.Kind === 'folder' && `${target}/`.startsWith(`${e.Path}/`));
    if (into.length) toast(t('paste.inItself'));
    const going = entries.filter((e) => !into.includes(e));
    if (going.length) await (moves ? this.moveTo(going, target) : this.copyTo(going, target));
  }

  // copyTo copies entries into a folder and offers to take that back. A copy beside its original gets another name.
  async copyTo(entries, target) {
    const copies = [];
    await this.#run(entries, 'busy.copy', async (entry) => {
      const beside = parentOf(entry.Path) === target;
      const copy = (how) => this.api.copy(entry.ID, target, how);
      copies.push(beside ? await copy('rename') : await this.#settle(entry, target, entries, copy));
    });
    this.changed();
    if (!copies.length) return;
    if (this.source.path === target) this.#showNew(copies);
    const text = this.#said('copy', copies, target);
    toast(text, { label: t('files.undo'), run: () => this.#undo(copies, 'busy.delete', ({ ID }) => this.api.remove(ID)) });
  }

  // showNew puts what has just been made into the list and selects it.
  #showNew(entries) {
    for (const entry of entries) this.listing.put({ ...entry, LastUpdated: entry.UploadAt, FileHash: entry.FileSha1 });
    this.selection.set(entries.map((e) => e.ID));
  }

  #said(what, entries, target) {
    const folder = target === '/' ? t('nav.root') : target.split('/').at(-1);
    return entries.length === 1
      ? t(`${what}.done`, { name: entries[0].FileName, folder })
      : t(`${what}.doneMany`, { n: entries.length, folder });
  }

  // moveTo moves entries into a folder and offers to take that back.
  async moveTo(entries, target) {
    const from = new Map(entries.map((e) => [e.ID, parentOf(e.Path)]));
    const going = entries.filter((e) => from.get(e.ID) !== target && e.Path !== target);
    const news = [];
    const one = async (entry) => news.push(await this.#settle(entry, target, going, (how) => this.api.move(entry.ID, target, how)));
    const moved = await this.#forEach(going, 'busy.move', one);
    if (!moved.length) return;
    if (this.source.path === target) this.#showNew(news);
    const text = this.#said('move', moved, target);
    const back = (entry) => this.api.move(entry.ID, from.get(entry.ID), 'rename');
    toast(text, { label: t('files.undo'), run: () => this.#undo(moved, 'busy.move', back) });
  }

  // settle does something with a name that may be taken: then the person is asked, once for all of a group.
  async #settle(entry, target, group, run) {
    const folder = target === '/' ? t('nav.root') : target;
    for (let how = 'fail'; ; ) {
      try {
        return await run(how);
      } catch (err) {
        if (err.code === Code.InvalidParam && entry.Kind === 'folder') throw new BadName('inItself');
        if (err.code !== Code.NameTaken || how === 'rename') throw err;
        const replace = how === 'fail' && (await this.#canReplace(entry, target));
        how = await this.clashes.ask({ group, name: entry.FileName, folder, single: group.length === 1, replace });
        if (how === 'skip') throw new Skipped();
      }
    }
  }

  // canReplace says whether an entry and what has its name in a folder are both files.
  async #canReplace(entry, target) {
    if (entry.Kind !== 'file') return false;
    const there = await this.api.metaAt(join(target, entry.FileName)).catch(() => null); // gone: the drive will say so
    return there?.Kind !== 'folder';
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
  dropped(path, copy) {
    const entries = this.selection.entries();
    return copy ? this.copyTo(entries, path) : this.moveTo(entries, path);
  }

  pathOf(entry) {
    return entry.Path || join(this.source.path ?? '/', entry.FileName);
  }
}

// Skipped ends one move or copy that a person did not want.
class Skipped extends Error {}
