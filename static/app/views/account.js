// The box behind the account's button: who, how full, language, theme, and the way out.

import { setTheme, theme, THEMES } from '../theme.js';
import { t } from '../words.js';
import { button, h, icon } from './dom.js';
import { showKeys } from './keys-help.js';
import { languageChoice } from './language.js';
import { keepBeside } from './menu.js';

export function openAccount(opener, { username, meter, changePassword, signout }) {
  const away = (show) => () => {
    box.hidePopover();
    show();
  };
  const box = h('div', { class: 'menu account-box', popover: 'auto', role: 'dialog', 'aria-label': t('nav.account') },
    h('p', { class: 'person' }, icon('user'), h('strong', {}, username)),
    meter.element,
    h('label', { class: 'choice' }, h('span', {}, t('language.choose')), languageChoice()),
    h('label', { class: 'choice' }, h('span', {}, t('theme.choose')), themeChoice()),
    button({ label: t('keys.title'), text: t('keys.title'), kind: 'keys-button', testid: 'show-keys', onclick: away(showKeys) }),
    button({ label: t('password.title'), text: t('password.title'), testid: 'show-password', onclick: away(changePassword) }),
    button({ label: t('auth.signout'), text: t('auth.signout'), testid: 'signout', onclick: away(signout) }));
  box.addEventListener('toggle', ({ newState }) => newState === 'closed' && box.remove());
  document.body.append(box);
  box.showPopover();
  keepBeside(box, opener);
  box.querySelector('select').focus();
}

export function themeChoice() {
  const options = THEMES.map((name) => h('option', { value: name, selected: name === theme() }, t(`theme.${name}`)));
  const select = h('select', { 'aria-label': t('theme.choose'), testid: 'theme' }, options);
  select.addEventListener('change', () => setTheme(select.value));
  return select;
}
