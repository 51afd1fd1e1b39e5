// Copying text for other programs.

import { h } from './dom.js';

// copyText also works where the page came over plain HTTP, which has no clipboard: by a field that is selected.
export async function copyText(text, field) {
  if (navigator.clipboard) {
    try {
      await navigator.clipboard.writeText(text);
      return;
    } catch {
      // Not allowed: the old way may be.
    }
  }
  const helper = field ?? h('input', { value: text, class: 'unseen' });
  if (!field) (document.querySelector('dialog[open]') ?? document.body).append(helper);
  helper.select();
  document.execCommand('copy');
  if (!field) helper.remove();
}
