// Package static holds the web page: HTML, CSS and ES modules as the browser gets them, without a build step, embedded
// in the binary.
//
// It owns what people see and do in the browser; the server's only part is to serve the files. They are made for this
// Content-Security-Policy, so there is no inline script or style, and names are only ever set as text:
//
//	default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; style-src 'self';
//	img-src 'self' data: blob:; connect-src 'self'; media-src 'self' blob:; frame-src blob:; form-action 'self';
//	base-uri 'none'
//
// frame-src is for PDFs, which the page hands to the browser's own viewer as a blob of that type and no other. Content
// that could run script is never shown as what it is: pictures stand in an img, where nothing runs, HTML and its like are
// shown as text.
//
// The modules of app, from the inside out:
//
//   - words, words-en, words-zh, format, kinds, prefs, theme: languages, figures, kinds of files, choices;
//   - send and api: the wire;
//   - hasher and hash-worker: digests and proofs off the main thread;
//   - engine, upload, run, session, digest, chunks, batch, progress, instant, taken, names, entry-name, calls, retry: uploads; pace and
//     lanes: how large chunks are, and how many at once; queue-store, handles and locks: what a browser
//     remembers of unfinished ones;
//   - listing, selection, clipboard, each, walk: lists, what is selected in them, what was copied or cut, doing the same to
//     many, dropped folders;
//   - views: the DOM; main: the wiring.
//
// None but the last two know the DOM (a test reads them for it); everything else is given to them.
//
// The drive, not the page, copies, searches, zips and makes thumbnails. Thumbnails are asked for by content, only when they
// come in sight and a few at a time. A download is the browser's own; the page only asks the drive how much it will be.
//
// Three engines are tested: Chromium by the DevTools protocol through everything, Firefox and WebKitGTK (Safari's engine) by
// WebDriver through the main journeys, with real keys and clicks. The tests are the same; what a browser does for them is behind
// the interface window of tab_test.go.
//
// Libraries of others are in lib with their licence and version. The folder is not called vendor because the go command
// leaves folders of that name out of modules, and with them the files to embed.
package static
