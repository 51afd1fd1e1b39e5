// Signing up and in: the whole page for a stranger, a dialog for somebody whose session has ended.

import { Code } from '../api.js';
import { sorry, t } from '../words.js';
import { themeChoice } from './account.js';
import { brand, h } from './dom.js';
import { languageChoice } from './language.js';

const NAME = String.raw`[\p{L}\p{Nd}\p{M}._@\-]+`;

// What the drive refuses an account for, by the word in its message that tells.
const REASONS = { taken: 'auth.taken', closed: 'auth.closed', disabled: 'auth.disabled' };

function reasonOf(err) {
  const refused = [Code.SignupFailed, Code.SigninFailed].includes(err.code);
  const known = refused && Object.keys(REASONS).find((word) => err.msg.includes(word));
  return known ? t(REASONS[known]) : sorry(err);
}

// authPage shows the form to sign in, or, with signup, to make an account. done(username) is called when signed in.
export function authPage({ api, done, signup = false, again }) {
  const title = t(signup ? 'auth.signup' : 'auth.signin');
  const other = h('button', { type: 'button', class: 'link', testid: 'auth-switch', onclick: () => again(!signup) },
    t(signup ? 'auth.toSignin' : 'auth.toSignup'));
  return h('main', { class: 'auth' },
    h('div', { class: 'card' },
      h('header', {},
        brand(48),
        h('h1', {}, 'Blinkdrive'),
        h('p', { class: 'quiet' }, t('app.tagline'))),
      form({ api, title, signup, done }),
      other),
    h('p', { class: 'choices' }, languageChoice(), themeChoice()));
}

// signinAgain asks for the password in front of everything. leave is called by somebody who wants another account.
export function signinAgain({ api, username, done, leave }) {
  const dialog = h('dialog', { 'aria-labelledby': 'again-title', testid: 'signin-again' });
  const end = (name) => {
    dialog.close();
    dialog.remove();
    done(name);
  };
  dialog.append(
    h('p', { id: 'again-title' }, t('auth.again')),
    form({ api, title: t('auth.signin'), username, done: end }),
    h('button', { type: 'button', class: 'link', onclick: leave }, t('auth.other')));
  dialog.addEventListener('cancel', (event) => event.preventDefault());
  document.body.append(dialog);
  dialog.showModal();
}

function form({ api, title, signup = false, username = '', done }) {
  const name = h('input', { name: 'username', value: username, readOnly: Boolean(username), required: true,
    autocomplete: 'username', autocapitalize: 'none', spellcheck: false, testid: 'username' });
  const password = h('input', { name: 'password', type: 'password', required: true, testid: 'password',
    autocomplete: signup ? 'new-password' : 'current-password', autofocus: Boolean(username) });
  if (signup) Object.assign(password, { minLength: 8, maxLength: 128 });
  if (signup) Object.assign(name, { minLength: 3, maxLength: 64, pattern: NAME, title: t('auth.usernameRule') });
  const problem = h('p', { class: 'problem', role: 'alert', testid: 'auth-error' });
  const submit = h('button', { class: 'button primary', testid: 'auth-submit' }, title);
  const element = h('form', { class: 'fields', 'aria-label': title },
    field(t('auth.username'), name, signup && t('auth.usernameRule')),
    field(t('auth.password'), password, signup && t('auth.passwordRule')),
    problem, submit);
  element.addEventListener('submit', async (event) => {
    event.preventDefault();
    submit.disabled = true;
    problem.textContent = '';
    try {
      if (signup) await api.signup(name.value, password.value);
      await api.signin(name.value, password.value);
      done(name.value);
    } catch (err) {
      problem.textContent = reasonOf(err);
      (err.code === Code.SignupFailed ? name : password).focus();
    } finally {
      submit.disabled = false;
    }
  });
  return element;
}

export function field(label, input, rule) {
  return h('label', { class: 'field' }, h('span', {}, label), input, rule && h('small', { class: 'quiet' }, rule));
}
