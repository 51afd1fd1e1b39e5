// Everything the drive says of one entry.

import { bytes, when } from '../format.js';
import { hasThumbnail, kindOf } from '../kinds.js';
import { language, t } from '../words.js';
import { copyText } from './copy-text.js';
import { showDialog, titled } from './dialog.js';
import { button, h, icon } from './dom.js';
import { homeLink, parentOf } from './route.js';
import { attempt } from './toast.js';

const PLACES = new Set(['local', 'disk', 'ceph', 'oss', 's3']);
const LOOK_AGAIN = 2000; // ms, while the bytes are on their way to the object store

export async function showDetails({ api, entry }) {
  const meta = await api.meta(entry.ID);
  const file = meta.Kind === 'file';
  const close = () => dialog.close();
  const { dialog, closed } = showDialog({ label: t('files.details'), kind: 'details', testid: 'details' },
    titled(meta.FileName, close), file && face(meta, api),
    h('dl', {}, facts(meta, close), file && digests(meta, api), file && h('dt', {}, t('details.place')), file && place(meta)));
  if (file) await watchPlace(dialog, closed, meta, api);
}

function fact(name, value, props = {}) {
  return value && [h('dt', {}, t(`details.${name}`)), h('dd', props, value)];
}

function facts(meta, close) {
  const folder = parentOf(meta.Path);
  return [
    fact('kind', t(`kind.${kindOf(meta)}`)),
    fact('folder', h('a', { href: homeLink(meta), onclick: close }, folder === '/' ? t('nav.root') : folder)),
    meta.Kind === 'file' && fact('size', sizeOf(meta)),
    fact(meta.Kind === 'file' ? 'uploaded' : 'created', when(meta.UploadAt, language())),
    fact('modified', meta.ModifiedAt && when(meta.ModifiedAt, language())),
  ].flat();
}

function sizeOf({ FileSize }) {
  const rounded = bytes(FileSize, language());
  return FileSize < 1024 ? rounded : `${rounded} (${t('details.bytes', { n: FileSize.toLocaleString(language()) })})`;
}

// face is the picture that a picture is; where the drive makes none, there is none.
function face(meta, api) {
  if (!hasThumbnail(meta)) return null;
  const picture = h('img', { class: 'portrait', alt: '', onerror: () => picture.remove(), src: api.thumbnailURL(meta, 512) });
  return picture;
}

// digests shows the SHA-256 when the drive has told it.
function digests(meta, api) {
  const sha256 = h('dd', { class: 'digest', testid: 'details-sha256' }, '…');
  attempt(async () => {
    const digest = await api.sha256(meta.ID);
    sha256.replaceChildren(...(digest ? digestOf(digest) : ['–']));
  });
  return [fact('digest', digestOf(meta.FileSha1), { class: 'digest' }), h('dt', {}, t('details.sha256')), sha256].flat();
}

function digestOf(text) {
  return [h('code', {}, text), copier(text)];
}

function place(meta) {
  return h('dd', {}, h('span', { class: 'place-of', role: 'status', testid: 'details-place' }, ...placeNow(meta)));
}

function placeNow({ Location, Moving }) {
  if (Moving) return [icon('cloud-up', 'moving'), t('place.moving')];
  return [icon('drive'), PLACES.has(Location) ? t(`place.${Location}`) : Location];
}

// watchPlace follows a move to the object store for as long as somebody looks.
async function watchPlace(dialog, closed, meta, api) {
  const box = dialog.querySelector('.place-of');
  const wait = () => Promise.race([closed.then(() => true), new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN))]);
  for (let now = meta; now.Moving && !(await wait()); ) {
    now = await api.meta(meta.ID);
    box.replaceChildren(...placeNow(now));
  }
}

function copier(text) {
  const said = h('span', { class: 'unseen', role: 'status' });
  const it = button({ icon: 'copy', label: t('details.copy'), onclick: async () => {
    await copyText(text);
    it.firstChild.replaceWith(icon('check'));
    said.textContent = t('link.copied');
  } });
  return h('span', {}, it, said);
}
