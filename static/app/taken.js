// A name that is taken.

// settleName finds out what is to be done about a name in a folder. It returns '' where the name is free, 'present' where
// the very file is there, else the answer of ask(): rename, replace or skip. sure: the drive has just refused the name.
// digest() returns the file's digest.
export async function settleName({ names, path, name, size, sure, digest, ask }) {
  if (sure) names.forget(path);
  const there = await names.find(path, name);
  if (!there && !sure) return '';
  const alike = there?.Kind === 'file' && there.FileSize === size;
  if (!alike || there.FileHash !== (await digest())) return ask();
  if (await names.still(path, there)) return 'present';
  names.forget(path); // it has gone meanwhile; if another is there, the drive will say so
  return '';
}
