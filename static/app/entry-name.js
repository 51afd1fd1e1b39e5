// What the drive accepts as a name, checked before anything is sent, so that the page can say in the reader's language what
// is wrong with one. The drive checks again.

const MOST_BYTES = 255; // in UTF-8
const MOST_FOLDERS = 64; // in a path

// BadName says what is wrong with a name or a path: long, slash, control, reserved, empty, deep or inItself.
export class BadName extends Error {
  constructor(fault) {
    super(`bad name: ${fault}`);
    this.name = 'BadName';
    this.fault = fault;
  }
}

// faultOf returns what is wrong with a name, or nothing.
export function faultOf(name) {
  const normal = name.normalize('NFC'); // as the drive keeps it
  if (!normal) return 'empty';
  if (normal === '.' || normal === '..') return 'reserved';
  if (normal.includes('/')) return 'slash';
  if (/\p{Cc}/u.test(normal)) return 'control';
  return new TextEncoder().encode(normal).length > MOST_BYTES ? 'long' : '';
}

// checkName throws a BadName if the drive would refuse a name.
export function checkName(name) {
  const fault = faultOf(name);
  if (fault) throw new BadName(fault);
}

// checkPath throws a BadName if the drive would refuse the path of a folder, as in "/a/b".
export function checkPath(path) {
  const names = path.split('/').filter(Boolean);
  names.forEach(checkName);
  if (names.length > MOST_FOLDERS) throw new BadName('deep');
}
