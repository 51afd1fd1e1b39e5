// Short news at the edge of the page.

import { sorry, t } from '../words.js';
import { button, h } from './dom.js';

const STAY = 8000;
const STAY_WITH_ACTION = 20_000; // there is something to decide

// toast shows a text, with an action where one is given as {label, run}. It stays while it is looked at.
export function toast(text, action) {
  const words = h('span', {}, text);
  const act = action && button({ label: action.label, text: action.label, testid: 'toast-action', kind: 'plain' });
  const close = button({ icon: 'close', label: t('dialog.close'), testid: 'toast-close' });
  const item = h('div', { class: 'toast', testid: 'toast' }, words, act, close);
  let timer = 0;
  const end = () => {
    clearTimeout(timer);
    item.remove();
  };
  const wait = () => {
    clearTimeout(timer);
    timer = setTimeout(end, action ? STAY_WITH_ACTION : STAY);
  };
  close.addEventListener('click', end);
  act?.addEventListener('click', () => {
    end();
    action.run();
  });
  for (const name of ['pointerenter', 'focusin']) item.addEventListener(name, () => clearTimeout(timer));
  for (const name of ['pointerleave', 'focusout']) item.addEventListener(name, wait);
  const shelf = document.getElementById('toasts');
  // The same once more is no news, but for those who listen.
  if (!action) for (const other of [...shelf.children]) if (other.dataset.text === text) other.remove();
  item.dataset.text = action ? '' : text;
  while (shelf.children.length > 3) shelf.firstChild.remove();
  shelf.append(item);
  announce(text);
  // The top layer, so that a dialog does not hide it.
  if (shelf.showPopover) {
    if (shelf.matches(':popover-open')) shelf.hidePopover();
    shelf.showPopover();
  }
  wait();
  return { say: (news) => words.replaceChildren(news), end };
}

// announce tells those who listen rather than look.
export function announce(text) {
  document.getElementById('news').textContent = text;
}

// attempt runs what a person asked for and says so where it fails; the event "signedout" says that the
// session is over. It returns whether it went well.
export async function attempt(run) {
  try {
    await run();
    return true;
  } catch (err) {
    report(err);
    return false;
  }
}

export function report(err) {
  if (err.signedOut) document.dispatchEvent(new Event('signedout'));
  else toast(sorry(err));
}
