package handler_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/blinkdrive/blinkdrive/handler"
)

var script = strings.Repeat("export const answer = 42;\n", 100)

func paged(t *testing.T) string {
	return bare(t, func(s *handler.Server) {
		s.Pages = fstest.MapFS{
			"index.html":     {Data: []byte("<!doctype html>" + strings.Repeat("<p>page", 100))},
			"app/a.js":       {Data: []byte(script)},
			"app/a.css":      {Data: []byte(strings.Repeat("p { margin: 0 }", 50))},
			"app/a.svg":      {Data: []byte(strings.Repeat("<g></g>", 50))},
			"lib/a.wasm":     {Data: make([]byte, 500)},
			"app/a.png":      {Data: make([]byte, 500)}, // compressed already, one should think
			"app/short.js":   {Data: []byte("1")},
			"app/.hidden.js": {Data: []byte("1")},
		}
	}).URL
}

// get asks without the encoding that Go's client would ask for by itself.
func get(t *testing.T, method, url, accept string, headers ...string) (*http.Response, []byte) {
	t.Helper()
	resp := do(t, method, url, "", append(headers, "Accept-Encoding: "+accept)...)
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, body
}

func gunzip(t *testing.T, body []byte) string {
	t.Helper()
	r, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(plain)
}

func TestPageIsCompressed(t *testing.T) {
	t.Parallel()
	url := paged(t)
	for path, want := range map[string]string{
		"/": "gzip", "/file/upload": "gzip", "/static/app/a.js": "gzip", "/static/app/a.css": "gzip", "/static/app/a.svg": "gzip",
		"/static/lib/a.wasm": "gzip", "/static/app/a.png": "", "/static/app/short.js": "",
	} {
		plain, body := get(t, "GET", url+path, "identity")
		resp, small := get(t, "GET", url+path, "gzip, deflate, br")
		if got := resp.Header.Get("Content-Encoding"); got != want || resp.StatusCode != 200 {
			t.Errorf("%s: %d, encoding %q, want %q", path, resp.StatusCode, got, want)
		}
		if resp.Header.Get("Content-Type") != plain.Header.Get("Content-Type") || resp.ContentLength != int64(len(small)) {
			t.Errorf("%s: %v, beside %v", path, resp.Header, plain.Header)
		}
		if varies := resp.Header.Get("Vary") == "Accept-Encoding" && plain.Header.Get("Vary") == "Accept-Encoding"; varies != (want != "") {
			t.Errorf("%s: Vary %q and %q", path, resp.Header.Get("Vary"), plain.Header.Get("Vary"))
		}
		if want == "" {
			continue
		}
		if len(small) >= len(body) || gunzip(t, small) != string(body) {
			t.Errorf("%s: %d bytes of gzip are not the file's %d", path, len(small), len(body))
		}
		if a, b := resp.Header.Get("ETag"), plain.Header.Get("ETag"); a == b || strings.HasPrefix(a, "W/") || strings.HasPrefix(b, "W/") {
			t.Errorf("%s: ETags %s and %s", path, a, b)
		}
	}
}

func TestPageEncodingIsTheClientsChoice(t *testing.T) {
	t.Parallel()
	url := paged(t) + "/static/app/a.js"
	for _, c := range []struct {
		accept string
		gzip   bool
	}{
		{"", false},
		{"gzip", true},
		{"GZip", true},
		{"x-gzip", true},
		{"deflate, br", false},
		{"gzip;q=0", false},
		{"gzip;q=0.000", false},
		{"gzip; q=0.001", true},
		{"gzip ; Q=0.5 , *;q=0", true},
		{"*", true},
		{"*;q=0", false},
		{"*;q=0.1, gzip;q=0", false},
		{"identity, gzip;q=0.5", false},
		{"identity;q=0.5, gzip", true},
		{"identity;q=0, gzip;q=0.1", true},
		{"*;q=0.5, gzip;q=0.2", false}, // identity is among the rest, and better
		{"gzip;q=2", false},
		{"gzip;q=NaN", false},
		{"gzip;level=9", true},
		{"gzipped", false},
		{"br;q=1.0, gzip;q=0.8, *;q=0.1", true},
	} {
		resp, body := get(t, "GET", url, c.accept)
		if got := resp.Header.Get("Content-Encoding") == "gzip"; got != c.gzip || resp.StatusCode != 200 {
			t.Errorf("%q: %d, gzip %t", c.accept, resp.StatusCode, got)
		}
		if !c.gzip && string(body) != script {
			t.Errorf("%q: other bytes", c.accept)
		}
	}
	resp := do(t, "GET", url, "", "Accept-Encoding: br", "Accept-Encoding: gzip;q=0.2")
	if resp.Header.Get("Content-Encoding") != "gzip" {
		t.Error("a second line of Accept-Encoding was not read")
	}
}

func TestPageNotModified(t *testing.T) {
	t.Parallel()
	url := paged(t) + "/static/app/a.js"
	resp, _ := get(t, "GET", url, "gzip")
	tag := resp.Header.Get("ETag")
	plain, _ := get(t, "GET", url, "identity")
	other := plain.Header.Get("ETag")
	for _, c := range []struct {
		known string
		want  int
	}{
		{tag, 304},
		{"W/" + tag, 304}, // compared weakly
		{`"x", ` + tag, 304},
		{`W/"x" , "a,b",W/` + tag, 304},
		{"*", 304},
		{other, 200}, // the same file in the other encoding
		{`"x"`, 200},
		{strings.Trim(tag, `"`), 200},
		{`"x` + tag, 200},
	} {
		for _, method := range []string{"GET", "HEAD"} {
			resp, body := get(t, method, url, "gzip", "If-None-Match: "+c.known)
			if resp.StatusCode != c.want {
				t.Errorf("%s %s: %d, want %d", method, c.known, resp.StatusCode, c.want)
			}
			if len(body) > 0 && (c.want == 304 || method == "HEAD") {
				t.Errorf("%s %s: %d bytes of body", method, c.known, len(body))
			}
			h := resp.Header
			if h.Get("ETag") != tag || h.Get("Vary") != "Accept-Encoding" || h.Get("Cache-Control") != "no-cache" {
				t.Errorf("%s %s: %v", method, c.known, h)
			}
		}
	}
}

func TestPageHead(t *testing.T) {
	t.Parallel()
	url := paged(t) + "/static/app/a.js"
	for _, accept := range []string{"gzip", "identity"} {
		full, body := get(t, "GET", url, accept)
		head, none := get(t, "HEAD", url, accept)
		if len(none) > 0 || head.ContentLength != int64(len(body)) || head.Header.Get("ETag") != full.Header.Get("ETag") ||
			head.Header.Get("Content-Encoding") != full.Header.Get("Content-Encoding") {
			t.Errorf("%s: %v, beside %v", accept, head.Header, full.Header)
		}
	}
	if resp, body := get(t, "GET", url, "identity", "Range: bytes=900000-", `If-Match: "x"`); resp.StatusCode != 200 || string(body) != script {
		t.Errorf("with a range: %d, %d bytes", resp.StatusCode, len(body))
	}
}

// TestEditedPage serves a folder as it is at each request, and nothing outside of it.
func TestEditedPage(t *testing.T) {
	t.Parallel()
	outside, dir := t.TempDir(), t.TempDir()
	put := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	link := func(to, name string) {
		t.Helper()
		if err := os.Symlink(to, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	put(filepath.Join(outside, "secret.js"), "a secret")
	put(filepath.Join(dir, "index.html"), "one")
	put(filepath.Join(dir, "page_test.go"), "package static")
	put(filepath.Join(dir, ".env"), "a secret")
	link(filepath.Join(outside, "secret.js"), "away.js")
	link(outside, "folder")
	link("index.html", "within.html")
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	url := bare(t, func(s *handler.Server) { s.Edited = root }).URL

	first, body := get(t, "GET", url+"/", "gzip")
	if first.StatusCode != 200 || string(body) != "one" || !strings.Contains(first.Header.Get("Content-Security-Policy"), "script-src 'self'") {
		t.Errorf("%d %q %v", first.StatusCode, body, first.Header)
	}
	put(filepath.Join(dir, "index.html"), strings.Repeat("two", 100))
	second, body := get(t, "GET", url+"/", "gzip", "If-None-Match: "+first.Header.Get("ETag"))
	if second.StatusCode != 200 || gunzip(t, body) != strings.Repeat("two", 100) {
		t.Errorf("edited: %d %q", second.StatusCode, body)
	}
	if resp, _ := get(t, "GET", url+"/", "gzip", "If-None-Match: "+second.Header.Get("ETag")); resp.StatusCode != 304 {
		t.Errorf("not edited: %d", resp.StatusCode)
	}
	if _, body := get(t, "GET", url+"/static/within.html", "identity"); string(body) != strings.Repeat("two", 100) {
		t.Errorf("a link within the folder: %q", body)
	}
	for _, path := range []string{"away.js", "folder/secret.js", "folder", "page_test.go", ".env", "%2e%2e/secret.js", "..%2fsecret.js", "", "a%00b", "missing.js"} {
		if resp, body := get(t, "GET", url+"/static/"+path, "identity"); resp.StatusCode != 404 || strings.Contains(string(body), "a secret") {
			t.Errorf("%s: %d %q", path, resp.StatusCode, body)
		}
	}
}
