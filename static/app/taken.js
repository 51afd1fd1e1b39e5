// A name that is taken.

// settleName finds out what is to be done about a name in a folder. It returns '' where the name is free, 'present' where
// the very file is there, else the answer of ask(there): rename, replace or skip; there is the entry that has the name, or
// null if that is not known. sure: the drive has just refused the name.
// digest() returns the file's digest.
export async function settleName({ names, path, name, size, sure, digest, ask }) {
  if (sure) names.forget(path);
  const there = await names.find(path, name);
  if (!there && !sure) return '';
  const alike = there?.Kind === 'file' && there.FileSize === size;
  if (!alike || there.FileHash !== (await digest())) return ask(there);
  if (await names.still(path, there)) return 'present';
  names.forget(path); // it has gone meanwhile; if another is there, the drive will say so
  return '';
}
