// The page's words in its languages. A word may have {places} for values.

import { en } from './words-en.js';
import { zh } from './words-zh.js';
import { recallChoice, rememberChoice } from './prefs.js';

export const languages = { en, zh };

let current = initial();

export function language() {
  return current;
}

// showLanguage tells the browser, and with it screen readers, what the page is written in.
export function showLanguage() {
  document.documentElement.lang = { en: 'en', zh: 'zh-CN' }[current];
}

export function setLanguage(name) {
  current = languages[name] ? name : 'en';
  showLanguage();
  rememberChoice('language', current);
}

// t returns a word with its places filled in.
export function t(key, values = {}) {
  const word = languages[current][key] ?? en[key] ?? key;
  return word.replace(/\{(\w+)\}/g, (place, name) => values[name] ?? place);
}

// What is meant by a refusal that has no code of the server's, as it comes from a proxy before it.
const CODE_OF = { 413: 10106, 429: 10108, 502: 10109, 503: 10109, 504: 10109 };

// sorry says what went wrong, in the reader's language: the server's own messages are in English, for programmers.
export function sorry(err) {
  if (err.name === 'BadName') return t(`name.${err.fault}`);
  if (err.name !== 'ApiError') return t(err.name === 'NotSame' ? 'upload.notSame' : fileTrouble(err));
  if (err.offline) return t('error.offline');
  const key = `error.${err.code || CODE_OF[err.status]}`;
  return t(key in en ? key : 'error.unknown');
}

function fileTrouble(err) {
  return ['NotReadableError', 'NotFoundError', 'SecurityError'].includes(err.name) ? 'error.file' : 'error.unknown';
}

function initial() {
  const stored = recallChoice('language');
  if (languages[stored]) return stored;
  return (navigator.languages?.[0] ?? navigator.language ?? '').toLowerCase().startsWith('zh') ? 'zh' : 'en';
}
