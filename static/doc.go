// Package static holds the web page: HTML, CSS and ES modules as the browser gets them, without a build step, embedded
// in the binary.
//
// It owns what people see and do in the browser; the server's only part is to serve the files. They are made for this
// Content-Security-Policy, so there is no inline script or style, and names are only ever set as text:
//
//	default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; style-src 'self';
//	img-src 'self' data: blob:; connect-src 'self'; form-action 'self'; base-uri 'none'
//
// The modules of app, from the inside out: words and format (language and figures), api (the wire), hasher and
// hash-worker (digests and proofs off the main thread), retry, chunks, upload and engine (uploads; these do not know
// the DOM), queue-store (what a browser remembers of unfinished uploads), views (the DOM) and main, which wires them.
//
// Libraries of others are in lib with their licence and version. The folder is not called vendor because the go command
// leaves folders of that name out of modules, and with them the files to embed.
package static
