// Small tools for building the page. Strings become text, never markup.

const SVG = 'http://www.w3.org/2000/svg';

// h makes an element. Keys of props: on… are listeners, class and data-… and aria-… attributes, others properties where
// the element has them. Children are elements and strings; null and false are left out.
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [key, value] of Object.entries(props)) set(element, key, value);
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

function set(element, key, value) {
  if (value === undefined || value === null) return;
  if (key.startsWith('on')) element.addEventListener(key.slice(2), value);
  else if (key in element && !key.includes('-')) element[key] = value;
  else element.setAttribute(key === 'testid' ? 'data-testid' : key, value);
}

// Strokes of a 24 by 24 grid.
const ICONS = {
  file: 'M6 3h8l5 5v13H6zM14 3v5h5',
  folder: 'M3 6h6l2 2h10v11H3z',
  download: 'M12 4v11m-5-5 5 5 5-5M5 20h14',
  rename: 'M4 20l1-4L16 5l3 3L8 19zM14 7l3 3',
  trash: 'M4 7h16M9 7V4h6v3M6 7l1 13h10l1-13M10 11v5M14 11v5',
  restore: 'M5 12a7 7 0 1 0 2-5L4 10m0-5v5h5',
  pause: 'M8 5v14M16 5v14',
  play: 'M8 5l11 7-11 7z',
  close: 'M6 6l12 12M18 6L6 18',
  upload: 'M12 20V8m-5 5 5-5 5 5M5 4h14',
  plus: 'M12 5v14M5 12h14',
  bolt: 'M13 3 6 14h5l-1 7 8-11h-6z',
  check: 'M5 13l4 4L19 7',
};

export function icon(name) {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('viewBox', '0 0 24 24');
  svg.setAttribute('class', 'icon');
  svg.setAttribute('aria-hidden', 'true');
  const path = document.createElementNS(SVG, 'path');
  path.setAttribute('d', ICONS[name]);
  svg.append(path);
  return svg;
}

// button is a button with an icon whose label is read aloud and shown as a tip, or, with text, also written.
export function button({ icon: name, label, text, testid, onclick, kind = '' }) {
  const props = { type: 'button', class: `button ${text ? '' : 'bare'} ${kind}`, title: text ? undefined : label };
  const props2 = { 'aria-label': text === label ? undefined : label, testid, onclick };
  return h('button', { ...props, ...props2 }, name && icon(name), text && h('span', {}, text));
}

// chooser is a button that opens the browser's dialog for files.
export function chooser({ multiple, onfiles, inputTestid, ...look }) {
  const input = h('input', { type: 'file', multiple, hidden: true, tabIndex: -1, testid: inputTestid });
  input.addEventListener('change', () => {
    const files = [...input.files];
    input.value = '';
    if (files.length) onfiles(files);
  });
  return [button({ ...look, onclick: () => input.click() }), input];
}
