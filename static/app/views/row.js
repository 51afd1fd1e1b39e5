// One entry on the screen: a row of the list, or a tile of the grid.

import { bytes, when } from '../format.js';
import { hasThumbnail, kindOf } from '../kinds.js';
import { language, t } from '../words.js';
import { button, h, icon } from './dom.js';
import { thumbnail as thumbnailFor } from './thumbnails.js';

// makeRow builds a row. offers are its actions as [{name, icon, run}]; href is where its name leads, if anywhere; where is
// the folder that it is in, as {path, href}, and more to be said of it; thumbnail the address of one; found is what was searched for.
export function makeRow(entry, { href, offers, more, download, thumbnail, where, found }) {
  const row = h('div', { class: 'entry', role: 'row', testid: 'entry' },
    h('span', { class: 'pick', role: 'gridcell' }, tick(entry), mark(entry, thumbnail)),
    h('span', { class: 'title', role: 'gridcell' }, nameOf(entry, href, found), where && placeOf(where)),
    h('span', { class: 'quiet time', role: 'gridcell' }, timeOf(entry)),
    h('span', { class: 'quiet size', role: 'gridcell' }, sizeOf(entry)),
    h('span', { class: 'actions', role: 'gridcell' }, actions(entry, { offers, more, download })));
  return label(row, entry);
}

export function makeTile(entry, { href, more, thumbnail, found }) {
  const tile = h('div', { class: 'entry tile', role: 'gridcell', testid: 'entry' },
    h('span', { class: 'face' }, mark(entry, thumbnail)),
    tick(entry), nameOf(entry, href, found),
    h('span', { class: 'quiet size' }, sizeOf(entry)),
    h('span', { class: 'actions' }, actions(entry, { offers: [], more })));
  return label(tile, entry);
}

function label(element, { FileName, ID, Kind }) {
  element.dataset.name = FileName;
  element.dataset.id = ID;
  element.dataset.kind = Kind;
  return element;
}

// showState brings what changes often up to date.
export function showState(element, { selected, active, reachable, index, away }) {
  element.setAttribute('aria-selected', String(selected));
  element.classList.toggle('selected', selected);
  element.classList.toggle('active', active);
  element.classList.toggle('away', away);
  element.tabIndex = reachable ? 0 : -1;
  element.querySelector('[data-testid=entry-select]').checked = selected;
  if (element.role === 'row') element.setAttribute('aria-rowindex', index + 2); // the head is the first
}

function tick({ FileName }) {
  const label = t('files.action', { action: t('files.select'), name: FileName });
  return h('input', { type: 'checkbox', class: 'tick', tabIndex: -1, 'aria-label': label, testid: 'entry-select' });
}

function mark(entry, thumbnail) {
  const kind = kindOf(entry);
  const plain = icon(kind, `kind ${kind}`);
  return thumbnail && hasThumbnail(entry) ? thumbnailFor(thumbnail, plain) : plain;
}

function placeOf({ path, href, more }) {
  const place = path === '/' ? t('nav.root') : path.slice(1);
  const name = more ? `${more} · ${place}` : place;
  const props = { class: 'where quiet', title: name, testid: 'entry-where' };
  return href ? h('a', { ...props, href, tabIndex: -1, draggable: false }, name) : h('span', props, name);
}

function nameOf({ FileName }, href, found) {
  const props = { class: 'name', title: FileName };
  const text = found ? marked(FileName, found) : FileName;
  return href ? h('a', { ...props, href, tabIndex: -1, draggable: false }, text) : h('span', props, text);
}

// marked shows where in a name the text is; where the drive sees it otherwise than the page, nothing is marked.
function marked(name, text) {
  const at = name.toLowerCase().indexOf(text.toLowerCase());
  if (at < 0 || name.toLowerCase().length !== name.length) return name;
  return [name.slice(0, at), h('mark', {}, name.slice(at, at + text.length)), name.slice(at + text.length)];
}

function actions({ FileName }, { offers, more, download }) {
  const label = (word) => t('files.action', { action: word, name: FileName });
  const link = download && h('a', { class: 'button bare', href: download, download: FileName, tabIndex: -1,
    title: t('files.download'), 'aria-label': label(t('files.download')), testid: 'entry-download' }, icon('download'));
  const quick = offers.map(({ name, icon: look, run }) =>
    button({ icon: look, label: label(t(`files.${name}`)), title: t(`files.${name}`), tabIndex: -1, kind: 'quick',
      testid: `entry-${name}`, onclick: run }));
  const rest = more && button({ icon: 'more', label: label(t('files.more')), title: t('files.more'), tabIndex: -1,
    kind: 'more', testid: 'entry-more', 'aria-haspopup': 'menu', onclick: (event) => more(event.currentTarget) });
  return [link, quick, rest].flat();
}

// sizeOf is the size of a file, or of all that was deleted with a folder.
function sizeOf(entry) {
  return entry.Kind === 'folder' && !entry.DeletedAt ? '—' : bytes(entry.FileSize, language());
}

function timeOf(entry) {
  return when(entry.DeletedAt || entry.LastUpdated || entry.UploadAt, language());
}
