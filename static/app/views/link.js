// A link with which anybody can take a file for a while, or several and folders as one zip.

import { IDS_IN_ADDRESS } from '../api.js';
import { left, when } from '../format.js';
import { language, t } from '../words.js';
import { copyText } from './copy-text.js';
import { showDialog, titled } from './dialog.js';
import { button, h } from './dom.js';

export const LINK_MOST = IDS_IN_ADDRESS;

export async function showLink({ api, entries }) {
  const { url, expires } = await api.link(entries.map((e) => e.ID));
  const field = h('input', { value: url, readOnly: true, 'aria-label': t('link.title'), testid: 'link-url' });
  const said = h('p', { class: 'good', role: 'status' });
  const copy = async () => {
    await copyText(url, field);
    said.textContent = t('link.copied');
  };
  const { dialog } = showDialog({ label: t('link.title'), kind: 'link-box', testid: 'link' },
    titled(t('link.title'), () => dialog.close()),
    h('p', {}, about(entries)),
    expires && h('p', { class: 'quiet', testid: 'link-until' },
      t('link.until', { left: left(expires, language()), when: when(expires, language()) })),
    h('div', { class: 'copy-line' }, field,
      button({ icon: 'copy', label: t('link.copy'), text: t('link.copy'), kind: 'primary', testid: 'link-copy', onclick: copy })),
    said);
  field.select();
}

function about(entries) {
  const [first] = entries;
  if (entries.length > 1) return t('link.many', { n: entries.length });
  return t(first.Kind === 'folder' ? 'link.folder' : 'link.text', { name: first.FileName });
}
