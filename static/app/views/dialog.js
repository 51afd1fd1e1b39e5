// Questions. Each returns a promise of the answer, null or false where the person turned away.

import { t } from '../words.js';
import { h } from './dom.js';

export async function confirmed(question, action = t('dialog.ok')) {
  const { closed } = show(h('p', { id: 'dialog-title' }, question), action, 'danger');
  return (await closed) === 'ok';
}

// askText asks for a line; the part before the extension is selected, so that it can be typed over.
export async function askText(label, value = '') {
  const input = h('input', { value, required: true, maxLength: 255, testid: 'dialog-input', autocomplete: 'off' });
  const { closed } = show(h('label', { class: 'field', id: 'dialog-title' }, h('span', {}, label), input), t('dialog.ok'));
  const dot = value.lastIndexOf('.');
  input.focus();
  input.setSelectionRange(0, dot > 0 ? dot : value.length);
  return (await closed) === 'ok' ? input.value.trim() : null;
}

function show(content, action, kind = 'primary') {
  const dialog = h('dialog', { 'aria-labelledby': 'dialog-title', testid: 'dialog' });
  const ok = h('button', { class: `button ${kind}`, value: 'ok', testid: 'dialog-ok' }, action);
  const cancel = h('button', { class: 'button', type: 'button', onclick: () => dialog.close('') }, t('dialog.cancel'));
  dialog.append(h('form', { method: 'dialog' }, content, h('div', { class: 'buttons' }, cancel, ok)));
  document.body.append(dialog);
  const closed = new Promise((resolve) => {
    dialog.addEventListener('close', () => {
      dialog.remove();
      resolve(dialog.returnValue);
    });
  });
  dialog.showModal();
  return { closed };
}
