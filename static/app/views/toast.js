// Short news at the edge of the page.

import { sorry, t } from '../words.js';
import { button, h } from './dom.js';

const STAY = 8000;

// toast shows a text, with an action where one is given as {label, run}.
export function toast(text, action) {
  const act = action && button({ label: action.label, text: action.label, testid: 'toast-action', kind: 'plain' });
  const close = button({ icon: 'close', label: t('dialog.close') });
  const item = h('div', { class: 'toast', testid: 'toast' }, h('span', {}, text), act, close);
  const end = () => item.remove();
  close.addEventListener('click', end);
  act?.addEventListener('click', () => {
    end();
    action.run();
  });
  setTimeout(end, STAY);
  document.getElementById('toasts').append(item);
}

// attempt runs what a person asked for and says so where it fails; the event "signedout" says that the
// session is over. It returns whether it went well.
export async function attempt(run) {
  try {
    await run();
    return true;
  } catch (err) {
    if (err.signedOut) document.dispatchEvent(new Event('signedout'));
    else toast(sorry(err));
    return false;
  }
}
