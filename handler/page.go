package handler

import (
	"bytes"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/blinkdrive/blinkdrive/service"
)

// pagePolicy lets the page run its own files only; hash-wasm compiles WebAssembly, and a PDF is framed for the browser's viewer.
const pagePolicy = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; style-src 'self'; " +
	"img-src 'self' data: blob:; connect-src 'self'; media-src 'self' blob:; frame-src blob:; form-action 'self'; base-uri 'none'; " +
	"frame-ancestors 'none'"

func (rt *router) page(w http.ResponseWriter, r *http.Request, c *call) error {
	return rt.servePage(w, r, "index.html")
}

func (rt *router) static(w http.ResponseWriter, r *http.Request, c *call) error {
	return rt.servePage(w, r, strings.TrimPrefix(r.URL.Path, "/static/"))
}

// servePage sends a file of the page in the encoding that the client likes best, or says that it has it already.
func (rt *router) servePage(w http.ResponseWriter, r *http.Request, name string) error {
	file, ok, err := rt.pages.find(name)
	if err != nil {
		return err
	}
	if !ok {
		return errNoPage()
	}
	h := w.Header()
	h.Set("Content-Security-Policy", pagePolicy)
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	sendPageFile(w, r, file)
	return nil
}

// sendPageFile sends a file that may be cached, or 304.
func sendPageFile(w http.ResponseWriter, r *http.Request, file pageFile) {
	h := w.Header()
	h.Set("Cache-Control", "no-cache") // keep, but ask: the files change together with the program
	h.Set("Content-Type", file.kind)
	sent := file.plain
	if file.gzip.body != nil {
		h.Add("Vary", "Accept-Encoding")
		if prefersGzip(r.Header.Values("Accept-Encoding")) {
			sent = file.gzip
			h.Set("Content-Encoding", "gzip")
		}
	}
	h.Set("ETag", sent.etag)
	h.Set("Content-Length", strconv.Itoa(len(sent.body)))
	for _, name := range []string{"Range", "If-Match"} { // which a server may leave alone: the files are small, and only read
		r.Header.Del(name)
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(sent.body))
}

// prefersGzip reads what a client says of encodings (RFC 9110, 12.5.3). One that says nothing gets the file as it is; so
// does one that likes that better.
func prefersGzip(accept []string) bool {
	var given struct{ gzip, identity, any weight }
	for item := range strings.SplitSeq(strings.Join(accept, ","), ",") {
		coding, params, _ := strings.Cut(item, ";")
		switch strings.ToLower(strings.TrimSpace(coding)) {
		case "gzip", "x-gzip":
			given.gzip = weightOf(params)
		case "identity":
			given.identity = weightOf(params)
		case "*":
			given.any = weightOf(params)
		}
	}
	gzip, _ := given.gzip.or(given.any)
	identity, named := given.identity.or(given.any)
	return gzip > 0 && (!named || gzip >= identity)
}

// A weight is what follows q=, or nothing where a coding is not named.
type weight struct {
	q     float64
	named bool
}

// weightOf reads the parameters of a coding. One that makes no sense is as good as a refusal.
func weightOf(params string) weight {
	for param := range strings.SplitSeq(params, ";") {
		name, value, _ := strings.Cut(param, "=")
		if !strings.EqualFold(strings.TrimSpace(name), "q") {
			continue
		}
		q, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
		if err != nil || !(q >= 0 && q <= 1) {
			return weight{0, true}
		}
		return weight{q, true}
	}
	return weight{1, true}
}

func (w weight) or(other weight) (q float64, named bool) {
	if w.named {
		return w.q, true
	}
	return other.q, other.named
}

func (s *Server) uploadFinished(w http.ResponseWriter, r *http.Request, c *call) error {
	return writeText(w, "Upload finished")
}

func errNoPage() error { return &service.Error{Kind: service.NotFound, Msg: "page not found"} }
