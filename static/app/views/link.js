// A link with which anybody can take a file for a while, or several and folders as one zip.

import { IDS_IN_ADDRESS } from '../api.js';
import { left, when } from '../format.js';
import { language, t } from '../words.js';
import { copyText } from './copy-text.js';
import { showDialog, titled } from './dialog.js';
import { button, h } from './dom.js';
import { attempt } from './toast.js';

export const LINK_MOST = IDS_IN_ADDRESS;
const LIVES = { hour: 3600, day: 86_400, week: 604_800 }; // in seconds

export async function showLink({ api, entries }) {
  const ids = entries.map((e) => e.ID);
  let link = await api.link(ids, LIVES.hour);
  const field = h('input', { readOnly: true, 'aria-label': t('link.title'), testid: 'link-url' });
  const until = h('p', { class: 'quiet', role: 'status', testid: 'link-until' });
  const said = h('p', { class: 'good', role: 'status' });
  const show = () => {
    field.value = link.url;
    until.textContent = t('link.until', { left: left(link.expires, language()), when: when(link.expires, language()) });
    said.textContent = '';
    field.select();
  };
  const copy = async () => {
    await copyText(link.url, field);
    said.textContent = t('link.copied');
  };
  const life = lifeChoice(async (seconds) => {
    life.disabled = true; // until the link that is shown is the one that is meant
    const made = await attempt(async () => (link = await api.link(ids, seconds)));
    life.disabled = false;
    if (made) show();
    return made;
  });
  const { dialog } = showDialog({ label: t('link.title'), kind: 'link-box', testid: 'link' },
    titled(t('link.title'), () => dialog.close()),
    h('p', {}, about(entries)),
    h('label', { class: 'choice' }, h('span', {}, t('link.life')), life),
    h('div', { class: 'copy-line' }, field,
      button({ icon: 'copy', label: t('link.copy'), text: t('link.copy'), kind: 'primary', testid: 'link-copy', onclick: copy })),
    until, said);
  show();
}

// lifeChoice asks for how long; what could not be had is not shown as chosen.
function lifeChoice(make) {
  let now = 'hour';
  const select = h('select', { testid: 'link-life' },
    Object.keys(LIVES).map((name) => h('option', { value: name }, t(`link.${name}`))));
  select.addEventListener('change', async () => {
    if (await make(LIVES[select.value])) now = select.value;
    else select.value = now;
  });
  return select;
}

function about(entries) {
  const [first] = entries;
  if (entries.length > 1) return t('link.many', { n: entries.length });
  return t(first.Kind === 'folder' ? 'link.folder' : 'link.text', { name: first.FileName });
}
