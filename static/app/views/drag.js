// Dragging entries onto folders, by mouse. Touch has the dialog.

const TYPE = 'application/x-blinkdrive-entries';
const FINE = matchMedia('(pointer: fine)');

// dragEntries lets a list's entries be dragged; drop(folder, copy) is called when they land on one, copy where
// the key for that was held.
export function dragEntries(list, selection, drop) {
  const { body } = list;
  body.addEventListener('pointerover', ({ target }) => {
    const element = target.closest('[data-id]');
    if (element && !element.querySelector('.renaming')) element.draggable = FINE.matches;
  });
  body.addEventListener('dragstart', (event) => {
    const entry = list.entryOf(event.target);
    if (!entry || event.target.closest('.renaming')) {
      event.preventDefault();
      return;
    }
    if (!selection.has(entry.ID)) selection.only(entry.ID);
    event.dataTransfer.setData(TYPE, '1');
    event.dataTransfer.effectAllowed = 'copyMove';
  });
  const target = (event) => {
    const entry = isOurs(event) ? list.entryOf(event.target) : null;
    return entry?.Kind === 'folder' && !selection.has(entry.ID) ? entry : null;
  };
  let over = null;
  const mark = (element) => {
    over?.classList.remove('drop-here');
    over = element;
    over?.classList.add('drop-here');
  };
  body.addEventListener('dragover', (event) => {
    const entry = target(event);
    mark(entry ? event.target.closest('[data-id]') : null);
    if (!entry) return;
    event.preventDefault();
    showHow(event);
  });
  body.addEventListener('dragleave', (event) => !body.contains(event.relatedTarget) && mark(null));
  body.addEventListener('dragend', () => mark(null));
  body.addEventListener('drop', (event) => {
    const entry = target(event);
    mark(null);
    if (!entry) return;
    event.preventDefault();
    drop(entry, copies(event));
  });
}

// takesEntries lets entries be dropped on an element.
export function takesEntries(element, drop) {
  element.addEventListener('dragover', (event) => {
    if (!isOurs(event)) return;
    event.preventDefault();
    showHow(event);
    element.classList.add('drop-here');
  });
  element.addEventListener('dragleave', () => element.classList.remove('drop-here'));
  element.addEventListener('drop', (event) => {
    element.classList.remove('drop-here');
    if (!isOurs(event)) return;
    event.preventDefault();
    drop(copies(event));
  });
}

// copies: control, or on a Mac the option key, as everywhere.
function copies({ ctrlKey, altKey }) {
  return ctrlKey || altKey;
}

function showHow(event) {
  event.dataTransfer.dropEffect = copies(event) ? 'copy' : 'move';
}

function isOurs(event) {
  return event.dataTransfer.types.includes(TYPE);
}
