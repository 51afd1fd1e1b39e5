// What the part of the address after # means: #/files/a/b, #/recent, #/trash.

export function parseRoute(hash) {
  const [view, ...segments] = hash.replace(/^#\/?/, '').split('/');
  if (view === 'recent' || view === 'trash') return { view };
  return { view: 'files', path: `/${segments.filter(Boolean).map(decode).join('/')}` };
}

export function folderLink(path) {
  return `#/files${path.split('/').filter(Boolean).map((name) => `/${encodeURIComponent(name)}`).join('')}`;
}

export function join(path, name) {
  return path === '/' ? `/${name}` : `${path}/${name}`;
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
