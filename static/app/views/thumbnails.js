// Thumbnails, made by the drive: asked for only when they come in sight, and only a few at once, so that a list of
// pictures does not keep what else is asked waiting.

import { h } from './dom.js';

const AT_ONCE = 3;
const BEYOND = '150px'; // around the window
const REMEMBERED = 5000; // pictures
const AGAIN = 60_000; // ms after which a picture that had none is asked for again

const urls = new WeakMap(); // mark → URL
const inSight = new Set(); // marks that wait
const made = new Set(); // URLs that the browser has
const missing = new Map(); // URL → when it was asked for in vain
let loading = 0;

const sight = new IntersectionObserver((changes) => {
  for (const { target, isIntersecting } of changes) {
    if (isIntersecting) inSight.add(target);
    else inSight.delete(target);
  }
  loadNext();
}, { rootMargin: BEYOND });

// thumbnail returns a picture that was there before, or a mark in whose place it comes; where there is none, the mark
// stays.
export function thumbnail(url, mark) {
  if (made.has(url)) return picture(url, { onerror: ({ target }) => target.replaceWith(mark) });
  if (Date.now() - (missing.get(url) ?? -Infinity) < AGAIN) return mark;
  urls.set(mark, url);
  sight.observe(mark);
  return mark;
}

function picture(url, listeners) {
  return h('img', { class: 'thumbnail', alt: '', decoding: 'async', draggable: false, ...listeners, src: url });
}

function loadNext() {
  for (const mark of inSight) {
    if (loading === AT_ONCE) return;
    inSight.delete(mark);
    sight.unobserve(mark);
    if (mark.isConnected) load(mark, urls.get(mark));
  }
}

function load(mark, url) {
  const end = (event) => {
    loading--;
    if (event.type === 'load') {
      if (made.size === REMEMBERED) made.clear();
      made.add(url);
      mark.replaceWith(image);
    } else {
      if (missing.size === REMEMBERED) missing.clear();
      missing.set(url, Date.now());
    }
    loadNext();
  };
  loading++;
  const image = picture(url, { onload: end, onerror: end });
}
