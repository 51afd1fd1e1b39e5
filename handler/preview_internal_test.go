package handler

import (
	"strings"
	"testing"

	"github.com/blinkdrive/blinkdrive/handler/api"
)

func TestPreviewShowsWhatCannotRun(t *testing.T) {
	t.Parallel()
	d := newDrive(t, nil)
	p := d.join("alice")
	for name, want := range map[string]string{
		"a.png": "image/png", "a.JPEG": "image/jpeg", "a.gif": "image/gif", "a.webp": "image/webp",
		"a.mp4": "video/mp4", "a.webm": "video/webm", "a.mp3": "audio/mpeg", "a.flac": "audio/flac",
		"a.pdf": "application/pdf", "a.txt": "text/plain; charset=utf-8", "a.md": "text/plain; charset=utf-8",
		"a.json": "text/plain; charset=utf-8",
		// These are saved, whatever is asked.
		"a.svg": "", "a.html": "", "a.htm": "", "a.xhtml": "", "a.xml": "", "a.js": "", "a.mjs": "", "a.swf": "", "a": "", "a.png.html": "",
		"<img src=x onerror=alert(1)>.html": "", "a.svgz": "", "a.mht": "", "a.wasm": "", "a.exe": "",
	} {
		e := d.put(p, "", name, "content of "+name)
		a := d.get("/file/download", values("id", string(e.ID), "inline", "1"), p.cookie())
		how, _, _ := strings.Cut(a.header.Get("Content-Disposition"), ";")
		policy, kind := a.header.Get("Content-Security-Policy"), a.header.Get("Content-Type")
		if a.status != 200 || string(a.body) != "content of "+name || a.header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %d %v", name, a.status, a.header)
		}
		if want == "" {
			if how != "attachment" || kind != octetStream || policy != "sandbox" {
				t.Errorf("%s: %s, %s, %s", name, how, kind, policy)
			}
			continue
		}
		if how != "inline" || kind != want || !strings.Contains(policy, "default-src 'none'") ||
			!strings.Contains(policy, "frame-ancestors 'self'") || strings.Contains(policy, "script-src") || strings.Contains(policy, "allow-") {
			t.Errorf("%s: %s, %s, %s", name, how, kind, policy)
		}
		if kind := contentType(name); strings.HasPrefix(kind, "image/") != strings.HasPrefix(policy, "sandbox;") && !strings.HasPrefix(kind, "text/") {
			t.Errorf("%s: %s", name, policy)
		}
	}
}

func TestPreviewKeepsTheRulesOfDownloads(t *testing.T) {
	t.Parallel()
	d := newDrive(t, nil)
	p, q := d.join("alice"), d.join("bob")
	e := d.put(p, "", "Märchen.txt", story)
	id := string(e.ID)
	a := d.get("/file/download", values("id", id, "inline", "1"), p.cookie(), header("Range", "bytes=11-14"))
	if a.status != 206 || string(a.body) != "once" || a.header.Get("Etag") != etagOf(story) || a.header.Get("Repr-Digest") == "" ||
		a.header.Get("Content-Disposition") != `inline; filename="M_rchen.txt"; filename*=UTF-8''M%C3%A4rchen.txt` {
		t.Errorf("range: %d %s %v", a.status, a.body, a.header)
	}
	a = d.get("/file/download", values("id", id, "inline", "0"), p.cookie())
	if how := a.header.Get("Content-Disposition"); !strings.HasPrefix(how, "attachment") {
		t.Errorf("inline=0: %s", how)
	}
	for _, bad := range []string{"yes", "2", "true", "1 ", "-1"} {
		d.get("/file/download", values("id", id, "inline", bad), p.bearer()).want(t, 400, api.InvalidParam)
	}
	d.get("/file/download", values("id", id, "inline", "1")).want(t, 401, api.TokenInvalid)
	d.get("/file/download", values("id", id, "inline", "1"), q.bearer()).want(t, 404, api.NotFound)
	// The holder of a link cannot turn it into one that shows the file.
	send(t, "GET", d.link(p, e)+"&inline=1", "").want(t, 403, api.Forbidden)
	send(t, "GET", strings.Replace(d.link(p, e), "?", "?inline=1&", 1), "").want(t, 403, api.Forbidden)
}
