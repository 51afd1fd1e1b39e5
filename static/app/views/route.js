// What the part of the address after # means: #/files/a/b, #/recent, #/trash, #/search?q=TEXT&in=FOLDER, and a folder in
// the trash by its ID, #/trash/ID?name=NAME; and behind that show=ID, a file that is shown over the list, or at=ID, an entry that is to be selected in it.

export function parseRoute(hash) {
  const [place, query = ''] = hash.replace(/^#\/?/, '').split('?');
  const [view, ...segments] = place.split('/');
  const params = new URLSearchParams(query);
  const over = { show: params.get('show'), at: params.get('at') };
  if (view === 'trash' && segments[0]) {
    const folder = { ID: decode(segments[0]), FileName: params.get('name') ?? '' };
    return { view, folder, place: trashLink(folder), ...over };
  }
  if (view === 'recent' || view === 'trash') return { view, place: `#/${view}`, ...over };
  if (view === 'search' && params.get('q')) {
    const [text, below] = [params.get('q'), params.get('in') || '/'];
    return { view, text, below, place: searchLink(text, below), ...over };
  }
  const path = `/${segments.filter(Boolean).map(decode).join('/')}`;
  return { view: 'files', path, place: folderLink(path), ...over };
}

export function folderLink(path) {
  return `#/files${path.split('/').filter(Boolean).map((name) => `/${encodeURIComponent(name)}`).join('')}`;
}

// trashLink is the address of a folder in the trash. The drive lists such a folder without its name, so the link has it.
export function trashLink({ ID, FileName }) {
  return `#/trash/${encodeURIComponent(ID)}?${new URLSearchParams({ name: FileName })}`;
}

// searchLink is the address of what is found by a text, everywhere or below a folder.
export function searchLink(text, below = '/') {
  return `#/search?${new URLSearchParams(below === '/' ? { q: text } : { q: text, in: below })}`;
}

// showLink is the address of a file shown over its list.
export function showLink(place, id) {
  return `${place}${place.includes('?') ? '&' : '?'}show=${encodeURIComponent(id)}`;
}

// homeLink is the address of an entry in its folder.
export function homeLink({ ID, Path }) {
  return `${folderLink(parentOf(Path))}?at=${encodeURIComponent(ID)}`;
}

export function join(path, name) {
  return path === '/' ? `/${name}` : `${path}/${name}`;
}

// parentOf returns the folder that a path is in.
export function parentOf(path) {
  return path.slice(0, path.lastIndexOf('/')) || '/';
}

// crumbs returns the folders from the root's first child down to path, as {name, path}.
export function crumbs(path) {
  const names = path.split('/').filter(Boolean);
  return names.map((name, i) => ({ name, path: `/${names.slice(0, i + 1).join('/')}` }));
}

function decode(segment) {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
