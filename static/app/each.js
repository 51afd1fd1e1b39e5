// Doing the same to many things at once, but not to all at once.

// each calls run(item) for every item, so many at a time. It returns the failures as [{item, err}]; signal stops it
// between items. onProgress(done) is called after each.
export async function each(items, run, { atOnce = 6, signal, onProgress = () => {} } = {}) {
  const failures = [];
  let next = 0;
  let done = 0;
  const worker = async () => {
    while (next < items.length && !signal?.aborted) {
      const item = items[next++];
      try {
        await run(item);
      } catch (err) {
        failures.push({ item, err });
      }
      onProgress(++done);
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, worker));
  return failures;
}
