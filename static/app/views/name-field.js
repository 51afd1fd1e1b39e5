// A field in place of an entry's name, to give it another.

import { t } from '../words.js';
import { checkField, selectStem } from './dialog.js';
import { h } from './dom.js';

// askName returns what was written, or null where the person turned away. element is the entry's row or tile.
export async function askName(element, entry) {
  const name = element?.querySelector('.name');
  if (!name) return null;
  const input = h('input', { class: 'renaming', value: entry.FileName, maxLength: 255, 'aria-label': t('files.newName'),
    testid: 'rename-input', autocomplete: 'off', spellcheck: false });
  element.draggable = false;
  name.hidden = true;
  name.after(input);
  selectStem(input);
  const answer = await answered(input);
  input.remove();
  name.hidden = false;
  element.draggable = true;
  element.focus();
  return answer?.trim() || null;
}

function answered(input) {
  return new Promise((resolve) => {
    input.addEventListener('keydown', (event) => {
      event.stopPropagation();
      if (event.key === 'Enter' && !event.isComposing) checkField(input) ? resolve(input.value) : input.reportValidity();
      else if (event.key === 'Escape') resolve(null);
    });
    input.addEventListener('blur', () => resolve(input.value));
  });
}
