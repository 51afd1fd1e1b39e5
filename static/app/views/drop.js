// Dropping files anywhere on the page.

import { t } from '../words.js';
import { h } from './dom.js';
import { toast } from './toast.js';

// acceptDrops calls take(files) for dropped files while folderName() names where they would go; it returns the function
// that ends this.
export function acceptDrops({ take, folderName }) {
  const text = h('p', {});
  const veil = h('div', { class: 'veil', hidden: true }, text);
  document.body.append(veil);
  const end = new AbortController();
  const on = (name, listener) => document.addEventListener(name, listener, { signal: end.signal });
  on('dragover', (event) => {
    if (!event.dataTransfer.types.includes('Files')) return;
    event.preventDefault();
    text.textContent = t('files.drop', { folder: folderName() });
    veil.hidden = false;
  });
  on('dragleave', (event) => {
    if (!event.relatedTarget) veil.hidden = true;
  });
  on('drop', (event) => {
    veil.hidden = true;
    if (!event.dataTransfer.types.includes('Files')) return;
    event.preventDefault();
    const files = onlyFiles(event.dataTransfer);
    if (files.length) take(files);
  });
  return () => {
    end.abort();
    veil.remove();
  };
}

// onlyFiles leaves folders out: as files they can only fail.
function onlyFiles(transfer) {
  const items = [...transfer.items].filter((item) => item.kind === 'file');
  const folders = items.filter((item) => item.webkitGetAsEntry?.()?.isDirectory);
  if (folders.length) toast(t('files.noFolders'));
  return items.filter((item) => !folders.includes(item)).map((item) => item.getAsFile()).filter(Boolean);
}
