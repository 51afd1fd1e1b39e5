// Files that are dropped anywhere on the page, or pasted; folders with all that is in them.

import { walk } from '../walk.js';
import { t } from '../words.js';
import { h, icon } from './dom.js';
import { attempt } from './toast.js';

// acceptDrops calls begin() for each drop, at the place that is shown then. What that returns gets all that comes:
// take([{file, folder, handle}]) the files, mkdir(path) the folders with nothing in them. folderName() names the place.
// acceptDrops returns the function that ends this.
export function acceptDrops({ begin, folderName }) {
  const text = h('span', {});
  const veil = h('div', { class: 'veil', hidden: true }, h('p', {}, icon('upload'), text));
  document.body.append(veil);
  const end = new AbortController();
  const on = (name, listener) => document.addEventListener(name, listener, { signal: end.signal });
  on('dragover', (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    if (document.querySelector('dialog[open]')) {
      event.dataTransfer.dropEffect = 'none';
      return;
    }
    text.textContent = t('files.drop', { folder: folderName() });
    veil.hidden = false;
  });
  on('dragleave', (event) => {
    if (!event.relatedTarget) veil.hidden = true;
  });
  on('drop', (event) => {
    veil.hidden = true;
    if (!hasFiles(event)) return;
    event.preventDefault();
    attempt(() => bring(event.dataTransfer, begin()));
  });
  on('paste', (event) => {
    const files = [...(event.clipboardData?.files ?? [])];
    if (!files.length || event.target.matches?.('input, textarea')) return;
    event.preventDefault();
    begin().take(files);
  });
  return () => {
    end.abort();
    veil.remove();
  };
}

function hasFiles(event) {
  return event.dataTransfer.types.includes('Files');
}

// bring takes what was dropped out of the event, which keeps it only for now, and walks through the folders. Chromium has
// getAsFileSystemHandle outside secure contexts too, but kills a page that calls it there.
async function bring(transfer, { take, mkdir }) {
  const items = [...transfer.items].filter((item) => item.kind === 'file');
  const dropped = items.map((item) => ({
    file: item.getAsFile(),
    entry: item.webkitGetAsEntry?.() ?? null,
    handle: (isSecureContext && item.getAsFileSystemHandle?.()) || null,
  }));
  const files = dropped.filter(({ entry, file }) => !entry?.isDirectory && file);
  if (files.length) take(await Promise.all(files.map(withHandle)));
  for (const { entry } of dropped) if (entry?.isDirectory) await walk(entry, { take, mkdir });
}

async function withHandle({ file, handle }) {
  try {
    return { file, handle: (await handle) ?? undefined };
  } catch {
    return { file };
  }
}
