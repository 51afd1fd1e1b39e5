package static

import "embed"

// FS holds the files to be served at /static/: index.html, app/… and lib/….
//
//go:embed index.html app lib
var FS embed.FS

// Index is the page itself, to be served at / and /file/upload.
//
//go:embed index.html
var Index []byte
