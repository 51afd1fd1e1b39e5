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

// icon draws a symbol of icons.svg.
export function icon(name, kind = '') {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('class', `icon ${kind}`);
  svg.setAttribute('aria-hidden', 'true');
  const use = document.createElementNS(SVG, 'use');
  use.setAttribute('href', `/static/app/icons.svg#${name}`);
  svg.append(use);
  return svg;
}

// button is a button with an icon whose label is read aloud and shown as a tip, or, with text, also written.
export function button({ icon: name, label, text, testid, onclick, kind = '', ...props }) {
  const look = { type: 'button', class: `button ${text ? '' : 'bare'} ${kind}`, title: text ? undefined : label };
  const rest = { 'aria-label': text === label ? undefined : label, testid, onclick, ...props };
  return h('button', { ...look, ...rest }, name && icon(name), text && h('span', {}, text));
}

// chooser makes a hidden input for files; onfiles gets what was chosen.
export function chooser({ multiple, folders, onfiles, testid }) {
  const input = h('input', { type: 'file', multiple, webkitdirectory: folders, hidden: true, tabIndex: -1, testid });
  input.addEventListener('change', () => {
    const files = [...input.files];
    input.value = '';
    if (files.length) onfiles(files);
  });
  return input;
}

// brand is the drive's mark.
export function brand(size = 28) {
  return h('img', { src: '/static/app/icon.svg', alt: '', width: size, height: size });
}
