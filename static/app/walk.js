// Through a dropped folder, in depth, a piece at a time: a million files are never all in memory as a list of ours before
// the first goes up.

const PIECE = 500; // files handed on at once

// walk calls take([{file, folder}]) for the files below a FileSystemDirectoryEntry, folder being the path from where it
// was dropped, and mkdir(path) for folders with nothing in them.
export async function walk(directory, { take, mkdir }) {
  let piece = [];
  const flush = () => {
    if (piece.length) take(piece);
    piece = [];
  };
  const visit = async (entry, folder) => {
    let empty = true;
    for await (const child of children(entry)) {
      empty = false;
      if (child.isDirectory) {
        await visit(child, `${folder}/${child.name}`);
        continue;
      }
      piece.push({ file: await fileOf(child), folder });
      if (piece.length === PIECE) flush();
    }
    if (empty) await mkdir(folder);
  };
  await visit(directory, directory.name);
  flush();
}

// children reads a directory to its end: a reader gives a hundred at a time.
async function* children(directory) {
  const reader = directory.createReader();
  for (;;) {
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) return;
    yield* some;
  }
}

function fileOf(entry) {
  return new Promise((resolve, reject) => entry.file(resolve, reject));
}
