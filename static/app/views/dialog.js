// Questions. Each returns a promise of the answer, null or false where the person turned away.

import { faultOf } from '../entry-name.js';
import { t } from '../words.js';
import { button, h } from './dom.js';

export async function confirmed(question, action = t('dialog.ok'), { danger = true } = {}) {
  const { closed } = ask(h('p', { class: 'question', id: 'dialog-title' }, question), action, danger ? 'danger' : 'primary');
  return (await closed) === 'ok';
}

// askName asks for the name of something new; the part before the extension is selected, so that it can be typed over.
export async function askName(label, value = '') {
  const input = h('input', { value, required: true, maxLength: 255, testid: 'dialog-input', autocomplete: 'off' });
  input.addEventListener('input', () => checkField(input));
  const { closed } = ask(h('label', { class: 'field', id: 'dialog-title' }, h('span', {}, label), input), t('dialog.ok'));
  selectStem(input);
  return (await closed) === 'ok' ? input.value.trim() : null;
}

// checkField has a field say what is wrong with the name in it, and reports whether the name can be taken. About an empty
// field the browser says enough.
export function checkField(input) {
  const name = input.value.trim();
  const fault = name && faultOf(name);
  input.setCustomValidity(fault ? t(`name.${fault}`) : '');
  return !fault;
}

// selectStem selects a name without its extension.
export function selectStem(input) {
  const dot = input.value.lastIndexOf('.');
  input.focus();
  input.setSelectionRange(0, dot > 0 ? dot : input.value.length);
}

function ask(content, action, kind = 'primary') {
  const ok = h('button', { class: `button ${kind}`, value: 'ok', testid: 'dialog-ok' }, action);
  const cancel = h('button', { class: 'button', type: 'button', onclick: () => dialog.close('') }, t('dialog.cancel'));
  const form = h('form', { method: 'dialog' }, content, h('div', { class: 'buttons' }, cancel, ok));
  const { dialog, closed } = showDialog({ labelledby: 'dialog-title' }, form);
  return { closed };
}

// showDialog opens a dialog with anything in it; closed is a promise of its returnValue.
export function showDialog({ label, labelledby, kind = '', testid = 'dialog' }, ...content) {
  const dialog = h('dialog', { class: kind, 'aria-label': label, 'aria-labelledby': labelledby, testid }, ...content);
  document.body.append(dialog);
  const closed = new Promise((resolve) => {
    dialog.addEventListener('close', () => {
      dialog.remove();
      resolve(dialog.returnValue);
    });
  });
  dialog.showModal();
  return { dialog, closed };
}

// titled is the head of a larger dialog: its name and a cross.
export function titled(title, close) {
  return h('header', { class: 'dialog-head' }, h('h2', {}, title),
    button({ icon: 'close', label: t('dialog.close'), testid: 'dialog-close', onclick: close }));
}
