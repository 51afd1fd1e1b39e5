// Menus: a list of things to do beside a button or at the pointer, by mouse, touch and keyboard.

import { h, icon } from './dom.js';

// openMenu shows items, each {label, icon, run, testid, danger, checked} or '-' for a line. at is an element or {x, y}.
export function openMenu(at, items, label) {
  const menu = h('div', { class: 'menu', role: 'menu', popover: 'auto', 'aria-label': label, testid: 'menu' },
    items.filter(Boolean).map((item) => (item === '-' ? h('hr', { role: 'separator' }) : entry(item, () => close()))));
  const opener = document.activeElement;
  const close = () => menu.hidePopover();
  menu.addEventListener('toggle', ({ newState }) => {
    if (newState !== 'closed') return;
    const inside = menu.contains(document.activeElement) || document.activeElement === document.body;
    menu.remove();
    if (at instanceof Element) at.setAttribute('aria-expanded', 'false');
    if (inside && opener?.isConnected) opener.focus({ preventScroll: true });
  });
  menu.addEventListener('keydown', (event) => walk(menu, event));
  document.body.append(menu);
  menu.showPopover();
  if (at instanceof Element) at.setAttribute('aria-expanded', 'true');
  keepBeside(menu, at);
  menu.querySelector('[role^=menuitem]')?.focus();
  return menu;
}

function entry({ label, icon: look, run, testid, danger, checked }, close) {
  const choice = checked !== undefined;
  const props = { type: 'button', class: danger ? 'danger' : '', role: choice ? 'menuitemradio' : 'menuitem', tabIndex: -1 };
  const act = () => {
    close();
    run();
  };
  return h('button', { ...props, 'aria-checked': choice ? String(checked) : undefined, testid, onclick: act },
    choice ? icon('check', checked ? '' : 'void') : look && icon(look), h('span', {}, label));
}

function walk(menu, event) {
  const items = [...menu.querySelectorAll('[role^=menuitem]')];
  const at = items.indexOf(document.activeElement);
  const next = {
    ArrowDown: (at + 1) % items.length,
    ArrowUp: (at - 1 + items.length) % items.length,
    Home: 0,
    End: items.length - 1,
  }[event.key];
  if (event.key === 'Tab') menu.hidePopover();
  if (next === undefined) return;
  event.preventDefault();
  event.stopPropagation();
  items[next].focus();
}

// keepBeside places a popover, and again when the window changes, for as long as it is open.
export function keepBeside(box, at) {
  const end = new AbortController();
  place(box, at);
  window.addEventListener('resize', () => place(box, at), { signal: end.signal });
  box.addEventListener('toggle', ({ newState }) => newState === 'closed' && end.abort());
}

// place puts something in the top layer beside an element, or at a point, inside the window.
function place(box, at) {
  const from = at instanceof Element ? at.getBoundingClientRect() : { left: at.x, right: at.x, top: at.y, bottom: at.y };
  const { width, height } = box.getBoundingClientRect();
  const gap = 8;
  const left = from.left + width + gap > innerWidth ? from.right - width : from.left;
  const below = from.bottom + 4;
  const top = below + height + gap > innerHeight ? Math.max(gap, from.top - height - 4) : below;
  box.style.left = `${Math.max(gap, Math.min(left, innerWidth - width - gap))}px`;
  box.style.top = `${Math.min(top, Math.max(gap, innerHeight - height - gap))}px`;
}
