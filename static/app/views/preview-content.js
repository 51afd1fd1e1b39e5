// What a file looks like. The kinds that could run script are never given to the browser as what they are: pictures go
// into an img, where nothing runs, HTML and its like are shown as text, and a PDF goes to the browser's own viewer.

import { kindOf, pictureType } from '../kinds.js';
import { sorry, t } from '../words.js';
import { button, h, icon } from './dom.js';

const TEXT_LIMIT = 512 << 10;
const PICTURE_LIMIT = 50 << 20; // of those that the page must hold
const PDF_LIMIT = 100 << 20;

// previewOf returns {element, close}: what to show at once, which fills itself, and how to let go of it.
export function previewOf(entry, api) {
  const stop = new AbortController();
  const urls = [];
  const context = {
    entry, api, signal: stop.signal,
    urlOf: (blob) => {
      urls.push(URL.createObjectURL(blob));
      return urls.at(-1);
    },
  };
  const element = h('div', { class: 'preview-content', 'aria-busy': 'true' });
  element.dataset.kind = kindOf(entry);
  context.asText = () => asText(element, context);
  fill(element, context, makers[kindOf(entry)] ?? unknown);
  const close = () => {
    stop.abort(new Error('closed'));
    for (const media of element.querySelectorAll('video, audio')) media.removeAttribute('src');
    urls.forEach((url) => URL.revokeObjectURL(url));
  };
  return { element, close };
}

async function fill(element, context, show) {
  element.replaceChildren(h('p', { class: 'quiet' }, t('files.loading')));
  try {
    element.replaceChildren(...[await show(context)].flat());
  } catch (err) {
    if (context.signal.aborted) return;
    element.replaceChildren(nothing(context), h('p', { class: 'problem' }, sorry(err)));
  }
  element.setAttribute('aria-busy', 'false');
}

// asText shows what the page knows no better way for: nobody wants to download a file only to see that it is a note.
function asText(element, context) {
  element.dataset.kind = 'text';
  fill(element, context, text);
}

const makers = { image, video, audio, pdf, text };

async function image({ entry, api, signal, urlOf }) {
  const type = pictureType(entry.FileName);
  if (type && entry.FileSize > PICTURE_LIMIT) return nothing({ entry, api, words: t('preview.large') });
  const src = type ? urlOf(new Blob([await api.content(entry.ID, { bytes: PICTURE_LIMIT, signal })], { type })) : api.inlineURL(entry.ID);
  return instead(h('img', { src, alt: entry.FileName, class: type === 'image/svg+xml' ? 'drawn' : '', testid: 'preview-image' }), { entry, api });
}

function video({ entry, api }) {
  const props = { src: api.inlineURL(entry.ID), controls: true, preload: 'metadata', playsInline: true };
  return instead(h('video', { ...props, 'aria-label': entry.FileName, testid: 'preview-video' }), { entry, api });
}

function audio({ entry, api }) {
  const props = { src: api.inlineURL(entry.ID), controls: true, preload: 'metadata' };
  return [icon('audio', 'large'), instead(h('audio', { ...props, 'aria-label': entry.FileName, testid: 'preview-audio' }), { entry, api })];
}

// instead puts the plain answer in the place of what the browser cannot show.
function instead(element, context) {
  element.addEventListener('error', () => element.replaceWith(nothing(context)));
  return element;
}

async function pdf({ entry, api, signal, urlOf }) {
  const large = entry.FileSize > PDF_LIMIT;
  if (large || navigator.pdfViewerEnabled === false) {
    const link = h('a', { class: 'button', href: api.inlineURL(entry.ID), target: '_blank', rel: 'noopener', testid: 'preview-tab' }, t('preview.tab'));
    return nothing({ entry, api, words: t(large ? 'preview.large' : 'preview.none'), more: link });
  }
  const bytes = await api.content(entry.ID, { bytes: PDF_LIMIT, signal });
  const src = urlOf(new Blob([bytes], { type: 'application/pdf' }));
  return h('iframe', { src, title: entry.FileName, testid: 'preview-pdf' });
}

async function text({ entry, api, signal }) {
  if (entry.FileSize === 0) return answer(entry, t('preview.empty'));
  const bytes = await api.content(entry.ID, { bytes: TEXT_LIMIT, signal });
  const words = h('pre', { tabIndex: 0, testid: 'preview-text' }, decode(await bytes.arrayBuffer()));
  const rest = entry.FileSize > TEXT_LIMIT && h('p', { class: 'quiet' }, t('preview.beginning'));
  return [rest, words].filter(Boolean);
}

function unknown(context) {
  const word = t('preview.asText');
  const anyway = button({ label: word, text: word, testid: 'preview-as-text', onclick: () => context.asText() });
  return context.entry.FileSize > 0 && kindOf(context.entry) === 'file' ? [nothing(context), anyway] : nothing(context);
}

// nothing says in words why a file is not shown, and offers to download it, and more.
function nothing({ entry, api, words = t('preview.none'), more }) {
  const link = h('a', { class: 'button', href: api.downloadURL(entry.ID), download: entry.FileName, testid: 'preview-none-download' },
    icon('download'), h('span', {}, t('files.download')));
  return answer(entry, words, link, more);
}

function answer(entry, words, ...links) {
  return h('div', { class: 'no-preview', testid: 'preview-none' }, icon(kindOf(entry), 'large'), h('p', {}, words), ...links);
}

// decode reads UTF-8, UTF-16 with its mark, or else what old Chinese files are written in.
function decode(buffer) {
  const start = new Uint8Array(buffer, 0, Math.min(2, buffer.byteLength));
  if (start[0] === 0xff && start[1] === 0xfe) return new TextDecoder('utf-16le').decode(buffer);
  if (start[0] === 0xfe && start[1] === 0xff) return new TextDecoder('utf-16be').decode(buffer);
  try {
    // A beginning may end inside of a character; stream lets that pass.
    return new TextDecoder('utf-8', { fatal: true }).decode(buffer, { stream: true });
  } catch {
    return new TextDecoder('gb18030').decode(buffer);
  }
}
