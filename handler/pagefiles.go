package handler

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"mime"
	"os"
	"path"
	"strings"
)

// A pageSource has the files of the web page by name.
type pageSource interface {
	// find returns a file; false: there is none of that name.
	find(name string) (pageFile, bool, error)
}

// A pageFile is a file with what a browser needs to keep it.
type pageFile struct {
	kind  string // Content-Type
	plain encoded
	gzip  encoded // empty where it would save nothing
}

// encoded are a file's bytes in one encoding. Each has a strong ETag of its own.
type encoded struct {
	body []byte
	etag string
}

func newPageFile(name string, body []byte) pageFile {
	sum := sha256.Sum256(body)
	tag := hex.EncodeToString(sum[:12])
	file := pageFile{kind: pageKind(name), plain: encoded{body, `"` + tag + `"`}}
	if small := compressed(body); compressible[path.Ext(name)] && len(small) < len(body) {
		file.gzip = encoded{small, `"` + tag + `-gzip"`}
	}
	return file
}

// compressible are files that are not compressed already.
var compressible = map[string]bool{
	".html": true, ".js": true, ".mjs": true, ".css": true, ".svg": true, ".wasm": true, ".json": true, ".webmanifest": true,
	".txt": true, ".md": true, "": true,
}

func compressed(body []byte) []byte {
	var out bytes.Buffer
	w, _ := gzip.NewWriterLevel(&out, gzip.BestCompression) // the level is one of gzip's
	_, _ = w.Write(body)                                    // to memory
	_ = w.Close()
	return out.Bytes()
}

// foreign reports whether a file is no part of the page, wherever it lies: Go sources, and what has a dot in front.
func foreign(name string) bool {
	for part := range strings.SplitSeq(name, "/") {
		if strings.HasPrefix(part, ".") {
			return true
		}
	}
	return path.Ext(name) == ".go"
}

// loadedPages were read once: they are small, and only what is in the map can be asked for.
type loadedPages map[string]pageFile

func loadPages(files fs.FS) loadedPages {
	all := loadedPages{}
	// Unreadable files are left out: the embedded ones cannot be.
	_ = fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || foreign(name) {
			return nil
		}
		if body, err := fs.ReadFile(files, name); err == nil {
			all[name] = newPageFile(name, body)
		}
		return nil
	})
	return all
}

func (p loadedPages) find(name string) (pageFile, bool, error) {
	file, ok := p[name]
	return file, ok, nil
}

// editedPages are read anew at each request, so that whoever edits them sees them at once. What leads out of the folder
// is not found, links included.
type editedPages struct{ root *os.Root }

func (p editedPages) find(name string) (pageFile, bool, error) {
	if !fs.ValidPath(name) || foreign(name) {
		return pageFile{}, false, nil
	}
	info, err := p.root.Stat(name)
	if err != nil || !info.Mode().IsRegular() {
		return pageFile{}, false, nil // os.Root's error for a way out is no sentinel
	}
	body, err := p.root.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return pageFile{}, false, nil
	} else if err != nil {
		return pageFile{}, false, fmt.Errorf("page: %w", err)
	}
	return newPageFile(name, body), true, nil
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
