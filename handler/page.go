package handler

import (
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"

	"github.com/blinkdrive/blinkdrive/service"
)

// pagePolicy lets the page run its own files only; hash-wasm compiles WebAssembly, and a PDF is framed for the browser's viewer.
const pagePolicy = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; style-src 'self'; " +
	"img-src 'self' data: blob:; connect-src 'self'; media-src 'self' blob:; frame-src blob:; form-action 'self'; base-uri 'none'; " +
	"frame-ancestors 'none'"

// pages are the files of the web page by name, with what a browser needs to keep them.
type pages map[string]pageFile

type pageFile struct {
	body []byte
	kind string // Content-Type
	etag string
}

// loadPages reads all files once: they are small, and only what is in the map can be asked for. Go sources are left out.
func loadPages(files fs.FS) pages {
	all := pages{}
	// Unreadable files are left out: the embedded ones cannot be.
	_ = fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || path.Ext(name) == ".go" {
			return nil
		}
		if body, err := fs.ReadFile(files, name); err == nil {
			sum := sha256.Sum256(body)
			all[name] = pageFile{body, pageKind(name), `"` + hex.EncodeToString(sum[:12]) + `"`}
		}
		return nil
	})
	return all
}

// pageKind does not ask the machine's table of types, which differs from one to the next.
func pageKind(name string) string {
	switch path.Ext(name) {
	case ".html":
		return "text/html; charset=utf-8"
	case ".js", ".mjs":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	case ".ico":
		return "image/x-icon"
	case ".png":
		return "image/png"
	case ".wasm":
		return "application/wasm"
	case ".json", ".webmanifest":
		return "application/json"
	case ".woff2":
		return "font/woff2"
	case ".txt", ".md", "":
		return "text/plain; charset=utf-8"
	}
	if kind := mime.TypeByExtension(path.Ext(name)); kind != "" {
		return kind
	}
	return "application/octet-stream"
}

func (rt *router) page(w http.ResponseWriter, r *http.Request, c *call) error {
	return rt.servePage(w, r, "index.html")
}

func (rt *router) static(w http.ResponseWriter, r *http.Request, c *call) error {
	return rt.servePage(w, r, strings.TrimPrefix(r.URL.Path, "/static/"))
}

func (rt *router) servePage(w http.ResponseWriter, r *http.Request, name string) error {
	file, ok := rt.pages[name]
	if !ok {
		return errNoPage()
	}
	h := w.Header()
	h.Set("Content-Security-Policy", pagePolicy)
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("ETag", file.etag)
	h.Set("Cache-Control", "no-cache") // keep, but ask: the files change together with the program
	if strings.Contains(r.Header.Get("If-None-Match"), file.etag) {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	return write(w, http.StatusOK, file.kind, file.body)
}

func (s *Server) uploadFinished(w http.ResponseWriter, r *http.Request, c *call) error {
	return writeText(w, "Upload finished")
}

func errNoPage() error { return &service.Error{Kind: service.NotFound, Msg: "there is no such page"} }
