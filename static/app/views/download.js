// Taking files: one as it is, several or folders as one zip. The browser saves them in its own way; the page only says how
// much is coming.

import { IDS_IN_ADDRESS } from '../api.js';
import { bytes } from '../format.js';
import { language, t } from '../words.js';
import { confirmed } from './dialog.js';
import { h } from './dom.js';
import { attempt, toast } from './toast.js';

const MOST = 1000; // that the drive takes at once
const LARGE = 500 << 20; // from which on one is asked first

// download saves some entries; folder names the place that they are in.
export function download(api, entries, folder) {
  const [first] = entries;
  if (entries.length > 1 || first.Kind === 'folder') return attempt(() => downloadZip(api, entries, folder));
  return save(api.downloadURL(first.ID), first.FileName);
}

async function downloadZip(api, entries, folder) {
  if (entries.length > MOST) {
    toast(t('zip.tooMany', { most: MOST.toLocaleString(language()) }));
    return;
  }
  const name = `${entries.length === 1 ? entries[0].FileName : folder}.zip`;
  const zip = { ids: entries.map((e) => e.ID), filename: name };
  const size = await sizeOf(api, zip);
  if (size === null) return;
  const about = { name, size: bytes(size, language()) };
  if (size >= LARGE && !(await confirmed(t('zip.sure', about), t('files.download'), { danger: false }))) return;
  if (zip.ids.length > IDS_IN_ADDRESS) post('/file/zip', { id: zip.ids.join(), filename: name });
  else save(api.zipURL(zip), name);
  toast(t('zip.coming', about));
}

async function sizeOf(api, zip) {
  try {
    return await api.zipSize(zip);
  } catch (err) {
    if (err.status !== 413) throw err;
    toast(t('zip.tooMuch'));
    return null;
  }
}

function save(href, name) {
  h('a', { href, download: name }).click();
}

// post sends a form whose answer the browser saves.
function post(action, fields) {
  const inputs = Object.entries(fields).map(([name, value]) => h('input', { type: 'hidden', name, value }));
  const form = h('form', { method: 'post', action, hidden: true }, inputs);
  document.body.append(form);
  form.submit();
  form.remove();
}
