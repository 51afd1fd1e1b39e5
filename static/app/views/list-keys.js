// The keyboard in a list: arrows, Home, End and pages move, with shift they select; space selects, Enter opens, letters
// search. What the drive does (rename, delete…) is with the drive's keys.

const TYPING = 800; // ms between letters of one word
const OTHERS = new Set('/?'); // mean something to the drive

export function listKeys(view) {
  let typed = '';
  let last = 0;
  const { selection, listing } = view;
  const go = (index, event) => {
    const entry = listing.entries[Math.max(0, Math.min(index, listing.entries.length - 1))];
    if (!entry) return;
    if (event.shiftKey) selection.range(entry.ID);
    else if (event.ctrlKey || event.metaKey) selection.go(entry.ID);
    else selection.only(entry.ID);
    view.focusActive();
  };
  const search = (letter, event) => {
    typed = event.timeStamp - last < TYPING ? typed + letter : letter;
    last = event.timeStamp;
    const from = Math.max(0, selection.activeIndex) + (typed.length > 1 ? 0 : 1);
    const { entries } = listing;
    const found = [...entries.slice(from), ...entries.slice(0, from)].find((e) =>
      e.FileName.toLowerCase().startsWith(typed.toLowerCase()));
    if (found) go(entries.indexOf(found), { shiftKey: false });
  };
  return (event) => {
    if (event.altKey || event.target.closest('input:not(.tick), button, .actions')) return;
    if (event.key === 'Enter' && event.target.matches('a')) return;
    const at = selection.activeIndex;
    const page = view.rowsInSight * view.columns;
    const steps = {
      ArrowDown: at + view.columns, ArrowUp: at - view.columns, Home: 0, End: Infinity, PageDown: at + page, PageUp: at - page,
    };
    if (view.columns > 1) Object.assign(steps, { ArrowRight: at + 1, ArrowLeft: at - 1 });
    const entry = listing.entries[at];
    if (event.key in steps) go(steps[event.key], event);
    else if (event.key === ' ' && entry) selection.toggle(entry.ID);
    else if (event.key === 'Enter' && entry) view.open(entry);
    else if (event.key === 'ContextMenu' && entry) view.menu(view.elementOf(entry.ID));
    else if (event.key.length === 1 && !OTHERS.has(event.key) && !event.ctrlKey && !event.metaKey) search(event.key, event);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
}
