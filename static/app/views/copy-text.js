// Copying text for other programs.

import { h } from './dom.js';

// copyText also works where the page came over plain HTTP, which has no clipboard: by a field that is selected, and by
// saying what is copied, since Chromium copies nothing out of a field that cannot be seen.
export async function copyText(text, field) {
  if (isSecureContext && navigator.clipboard) {
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
  const say = (event) => {
    event.clipboardData.setData('text/plain', text);
    event.preventDefault();
  };
  document.addEventListener('copy', say, { once: true });
  document.execCommand('copy');
  document.removeEventListener('copy', say);
  if (!field) helper.remove();
}
