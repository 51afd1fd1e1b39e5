// What the part of the address after # means: #/files/a/b, #/recent, #/trash, and after a ? what is shown over the list:
// ?show=ID.

export function parseRoute(hash) {
  const [place, query = ''] = hash.replace(/^#\/?/, '').split('?');
  const [view, ...segments] = place.split('/');
  const show = new URLSearchParams(query).get('show');
  if (view === 'recent' || view === 'trash') return { view, show, place: `#/${view}` };
  const path = `/${segments.filter(Boolean).map(decode).join('/')}`;
  return { view: 'files', path, show, place: folderLink(path) };
}

export function folderLink(path) {
  return `#/files${path.split('/').filter(Boolean).map((name) => `/${encodeURIComponent(name)}`).join('')}`;
}

// showLink is the address of a file shown over its list.
export function showLink(place, id) {
  return `${place}?show=${encodeURIComponent(id)}`;
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
