// The dialog in which a person changes the password.

import { Code } from '../api.js';
import { sorry, t } from '../words.js';
import { field } from './auth.js';
import { showDialog, titled } from './dialog.js';
import { h } from './dom.js';
import { toast } from './toast.js';

// hold and release frame the moment in which one session takes the place of another: nothing else is asked meanwhile.
export function changePassword({ api, username, hold, release }) {
  const secret = (testid, props) => h('input', { type: 'password', required: true, maxLength: 128, testid, ...props });
  const name = h('input', { value: username, readOnly: true, hidden: true, autocomplete: 'username' }); // for who keeps passwords
  const current = secret('password-current', { autocomplete: 'current-password' });
  const next = secret('password-new', { autocomplete: 'new-password', minLength: 8 });
  const problem = h('p', { class: 'problem', role: 'alert', testid: 'password-error' });
  const submit = h('button', { class: 'button primary', testid: 'password-submit' }, t('password.change'));
  const form = h('form', { class: 'fields' }, name,
    field(t('password.current'), current), field(t('password.new'), next, t('auth.passwordRule')),
    h('p', { class: 'quiet' }, t('password.means')), problem, h('div', { class: 'buttons' }, submit));
  const { dialog } = showDialog({ label: t('password.title'), testid: 'password-box' },
    titled(t('password.title'), () => dialog.close()), form);
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    submit.disabled = true;
    problem.textContent = '';
    hold();
    try {
      await api.changePassword(current.value, next.value);
      dialog.close();
      toast(t('password.changed'));
    } catch (err) {
      const wrong = err.code === Code.SigninFailed;
      problem.textContent = wrong ? t('password.wrong') : sorry(err);
      (wrong ? current : next).focus();
    } finally {
      release();
      submit.disabled = false;
    }
  });
  current.focus();
}
