// Everything the drive says of one entry, and a link to it that expires.

import { bytes, when } from '../format.js';
import { kindOf } from '../kinds.js';
import { language, t } from '../words.js';
import { showDialog, titled } from './dialog.js';
import { button, h, icon } from './dom.js';

const PLACES = new Set(['local', 'disk', 'ceph', 'oss']);

export async function showDetails({ api, entry }) {
  const meta = await api.meta(entry.ID);
  const file = meta.Kind === 'file';
  const fact = (name, value, props = {}) => value && [h('dt', {}, t(`details.${name}`)), h('dd', props, value)];
  const amount = `${bytes(meta.FileSize, language())} (${t('details.bytes', { n: meta.FileSize.toLocaleString(language()) })})`;
  const { dialog } = showDialog({ label: t('files.details'), kind: 'details', testid: 'details' },
    titled(meta.FileName, () => dialog.close()),
    h('dl', {},
      fact('kind', t(`kind.${kindOf(meta)}`)),
      fact('path', meta.Path),
      file && fact('size', amount),
      fact('uploaded', when(meta.UploadAt, language())),
      fact('modified', meta.ModifiedAt && when(meta.ModifiedAt, language())),
      file && fact('digest', [h('code', {}, meta.FileSha1), copier(meta.FileSha1)], { class: 'digest' }),
      file && fact('place', PLACES.has(meta.Location) ? t(`place.${meta.Location}`) : meta.Location, { testid: 'details-place' })));
}

// showLink makes a link with which anybody can take a file for a while.
export async function showLink({ api, entry }) {
  const { url, expires } = await api.link(entry.ID);
  const field = h('input', { value: url, readOnly: true, 'aria-label': t('link.title'), testid: 'link-url' });
  const said = h('p', { class: 'good', role: 'status' });
  const copy = async () => {
    await copyText(url, field);
    said.textContent = t('link.copied');
  };
  const { dialog } = showDialog({ label: t('link.title'), kind: 'link-box', testid: 'link' },
    titled(t('link.title'), () => dialog.close()),
    h('p', {}, t('link.text', { name: entry.FileName, when: when(expires, language()) })),
    h('div', { class: 'copy-line' }, field,
      button({ icon: 'copy', label: t('link.copy'), text: t('link.copy'), kind: 'primary', testid: 'link-copy', onclick: copy })),
    said);
  field.select();
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

// copyText also works where the page came over plain HTTP, which has no clipboard: by a field that is selected.
async function copyText(text, field) {
  if (navigator.clipboard) {
    try {
      await navigator.clipboard.writeText(text);
      return;
    } catch {
      // Not allowed: the old way may be.
    }
  }
  const helper = field ?? h('input', { value: text, class: 'unseen' });
  if (!field) (document.querySelector('dialog[open]') ?? document.body).append(helper);
  helper.select();
  document.execCommand('copy');
  if (!field) helper.remove();
}
