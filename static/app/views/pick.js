// Choosing files. Where the browser gives handles, they are kept with the files: an upload can then go on by itself after
// a reload. Elsewhere the ordinary input does.

import { report } from './toast.js';

// pickFiles calls take with [{file, handle}], or lets input do so with files.
export async function pickFiles(input, take) {
  if (!isSecureContext || !globalThis.showOpenFilePicker) {
    input.click();
    return;
  }
  try {
    const handles = await showOpenFilePicker({ multiple: true });
    take(await Promise.all(handles.map(async (handle) => ({ file: await handle.getFile(), handle }))));
  } catch (err) {
    if (err.name !== 'AbortError') report(err);
  }
}
