// The choice of language. A change is announced by the event "language" on the document.

import { language, languages, setLanguage, t } from '../words.js';
import { h } from './dom.js';

export function languageChoice() {
  const options = Object.entries(languages).map(([name, words]) =>
    h('option', { value: name, selected: name === language(), lang: name }, words['language.name']));
  const select = h('select', { 'aria-label': t('language.choose'), testid: 'language' }, options);
  select.addEventListener('change', () => {
    setLanguage(select.value);
    document.dispatchEvent(new Event('language'));
  });
  return select;
}
