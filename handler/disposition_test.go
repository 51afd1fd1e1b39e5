package handler

import (
	"mime"
	"regexp"
	"strings"
	"testing"

	"github.com/blinkdrive/blinkdrive/store"
)

func TestContentDisposition(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, ascii, ext string }{
		{"report.pdf", "report.pdf", "report.pdf"},
		{"a b.txt", "a b.txt", "a%20b.txt"},
		{`say "hi".txt`, `say _hi_.txt`, "say%20%22hi%22.txt"},
		{`back\slash`, `back_slash`, "back%5Cslash"},
		{"电影.mp4", "__.mp4", "%E7%94%B5%E5%BD%B1.mp4"},
		{"100%; x=1", "100%; x=1", "100%25%3B%20x%3D1"},
		{"it's (1)*.txt", "it's (1)*.txt", "it%27s%20%281%29%2A.txt"},
		{"\u202egpj.exe", "_gpj.exe", "%E2%80%AEgpj.exe"},
		{"<script>.html", "<script>.html", "%3Cscript%3E.html"},
	}
	for _, tt := range tests {
		want := `attachment; filename="` + tt.ascii + `"; filename*=UTF-8''` + tt.ext
		if got := contentDisposition(tt.name); got != want {
			t.Errorf("%q:\n got %s\nwant %s", tt.name, got, want)
		}
	}
}

// Pages of the second generation take the name out of the header like this.
func TestContentDispositionForOldPages(t *testing.T) {
	t.Parallel()
	old := regexp.MustCompile(`attachment; filename="(.*)"`)
	if m := old.FindStringSubmatch(contentDisposition("My file (2).txt")); m == nil || m[1] != "My file (2).txt" {
		t.Errorf("found %q", m)
	}
}

func FuzzContentDisposition(f *testing.F) {
	for _, name := range []string{"a.txt", "\"", "\r\nSet-Cookie: a=b", "\x00", "é", "%41", "a\u202eb", strings.Repeat("字", 85)} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		header := contentDisposition(name)
		if strings.ContainsFunc(header, func(r rune) bool { return r < ' ' || r > '~' }) {
			t.Fatalf("unsafe header %q", header)
		}
		if store.CheckName(name) != nil {
			return
		}
		kind, attrs, err := mime.ParseMediaType(header)
		if err != nil || kind != "attachment" || attrs["filename"] != name {
			t.Fatalf("%q: read back as %q %q, %v", name, kind, attrs["filename"], err)
		}
	})
}

func TestContentType(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"a.PNG": "image/png", "a.txt": "text/plain; charset=utf-8", "a.html": "application/octet-stream",
		"a.svg": "application/octet-stream", "a": "application/octet-stream", "a.js": "application/octet-stream",
		".pdf": "application/pdf", "a.png.exe": "application/octet-stream",
	}
	for name, want := range tests {
		if got := contentType(name); got != want {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
	}
}
