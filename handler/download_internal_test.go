package handler

import (
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/blinkdrive/blinkdrive/handler/api"
	"github.com/blinkdrive/blinkdrive/store"
)

const story = "0123456789 once upon a time"

func etagOf(content string) string {
	sum := sha1.Sum([]byte(content))
	return `"` + hex.EncodeToString(sum[:]) + `"`
}

func TestDownloadHeaders(t *testing.T) {
	t.Parallel()
	d := newDrive(t, nil)
	p := d.join("alice")
	e := d.put(p, "", `Märchen "1".TXT`, story)
	sum := sha256.Sum256([]byte(story))
	want := map[string]string{
		"Content-Type":            "text/plain; charset=utf-8",
		"Content-Length":          "27",
		"Content-Disposition":     `attachment; filename="M_rchen _1_.TXT"; filename*=UTF-8''M%C3%A4rchen%20%221%22.TXT`,
		"Content-Security-Policy": "sandbox",
		"X-Content-Type-Options":  "nosniff",
		"Accept-Ranges":           "bytes",
		"Etag":                    etagOf(story),
		"Repr-Digest":             "sha-256=:" + base64.StdEncoding.EncodeToString(sum[:]) + ":",
		"Cache-Control":           "private, no-cache",
	}
	for _, method := range []string{"GET", "HEAD"} {
		a := d.send(method, "/file/download", values("id", string(e.ID)), nil, p.bearer())
		if a.status != 200 {
			t.Fatalf("%s: %d %s", method, a.status, a.body)
		}
		for name, value := range want {
			if got := a.header.Get(name); got != value {
				t.Errorf("%s: %s is %q, want %q", method, name, got, value)
			}
		}
		if body := string(a.body); method == "GET" && body != story || method == "HEAD" && body != "" {
			t.Errorf("%s: body %q", method, body)
		}
	}
}

func TestDownloadRanges(t *testing.T) {
	t.Parallel()
	d := newDrive(t, nil)
	p := d.join("alice")
	e := d.put(p, "", "a.bin", story)
	etag := etagOf(story)
	old := header("If-Range", `"0000000000000000000000000000000000000000"`)
	tests := []struct {
		what   string
		tweaks []tweak
		status int
		body   string
		ranges string
	}{
		{"all", nil, 200, story, ""},
		{"as old pages probe", []tweak{header("Range", "bytes=0-")}, 206, story, "bytes 0-26/27"},
		{"middle", []tweak{header("Range", "bytes=11-14")}, 206, "once", "bytes 11-14/27"},
		{"end", []tweak{header("Range", "bytes=-4")}, 206, "time", "bytes 23-26/27"},
		{"past the end", []tweak{header("Range", "bytes=20-99")}, 206, " a time", "bytes 20-26/27"},
		{"another unit", []tweak{header("Range", "lines=1-2")}, 200, story, ""},
		{"backwards", []tweak{header("Range", "bytes=5-1")}, 416, "", "bytes */27"},
		{"no numbers", []tweak{header("Range", "bytes=a-b")}, 416, "", "bytes */27"},
		{"nothing", []tweak{header("Range", "bytes=")}, 200, story, ""},
		{"one good, one malformed", []tweak{header("Range", "bytes=0-2,x")}, 416, "", "bytes */27"},
		{"upper case", []tweak{header("Range", "Bytes=0-2")}, 206, "012", "bytes 0-2/27"},
		{"the last none", []tweak{header("Range", "bytes=-0")}, 416, "", "bytes */27"},
		{"the last none and some", []tweak{header("Range", "bytes=-00, 3-4")}, 206, "34", "bytes 3-4/27"},
		{"nothing there", []tweak{header("Range", "bytes=27-")}, 416, "", "bytes */27"},
		{"same file", []tweak{header("Range", "bytes=0-3"), header("If-Range", etag)}, 206, "0123", "bytes 0-3/27"},
		{"another file", []tweak{header("Range", "bytes=0-3"), old}, 200, story, ""},
		{"known", []tweak{header("If-None-Match", etag)}, 304, "", ""},
		{"not as expected", []tweak{header("If-Match", `"x"`)}, 412, "", ""},
	}
	for _, tt := range tests {
		a := d.get("/file/download", values("id", string(e.ID)), append(tt.tweaks, p.bearer())...)
		if a.status != tt.status || a.header.Get("Content-Range") != tt.ranges || tt.status < 400 && string(a.body) != tt.body {
			t.Errorf("%s: got %d, %q, range %q", tt.what, a.status, a.body, a.header.Get("Content-Range"))
		}
	}
	d.get("/file/download", values("id", string(e.ID)), p.bearer(), header("Range", "bytes=27-")).want(t, 416, api.BadRange)
	a := d.get("/file/download", values("id", string(e.ID)), p.bearer(), header("Range", "bytes=0-1,5-6"))
	if a.status != 206 || !strings.HasPrefix(a.header.Get("Content-Type"), "multipart/byteranges") {
		t.Errorf("two ranges: %d, %s", a.status, a.header.Get("Content-Type"))
	}
	many := "bytes=0-0" + strings.Repeat(",2-2", 500)
	if a := d.get("/file/download", values("id", string(e.ID)), p.bearer(), header("Range", many)); a.status != 200 || string(a.body) != story {
		t.Errorf("five hundred ranges: %d, %d bytes", a.status, len(a.body))
	}
}

func TestDownloadRefused(t *testing.T) {
	t.Parallel()
	d := newDrive(t, nil)
	p, q := d.join("alice"), d.join("bob")
	e := d.put(p, "", "a.bin", story)
	bad := d.put(p, "", "bad.bin", "damaged")
	if err := d.db.MarkContent(t.Context(), bad.Content.Sums.Digest, bad.Content.Location, store.ContentDamaged, d.clock.now()); err != nil {
		t.Fatal(err)
	}
	folder, err := d.db.MakeFolder(t.Context(), p.user.ID, store.Path{"f"}, d.clock.now())
	if err != nil {
		t.Fatal(err)
	}
	id, hash := string(e.ID), e.Content.Sums.Digest.String()
	tests := []struct {
		what   string
		query  url.Values
		tweak  tweak
		status int
		code   api.Code
	}{
		{"nobody", values("id", id), nil, 401, api.TokenInvalid},
		{"wrong token", values("id", id), header("Authorization", "Bearer x"), 401, api.TokenInvalid},
		{"another user by id", values("id", id), q.bearer(), 404, api.NotFound},
		{"another user by hash", values("filehash", hash), q.bearer(), 404, api.NotFound},
		{"no name", nil, p.bearer(), 400, api.InvalidParam},
		{"bad id", values("id", "x"), p.bearer(), 400, api.InvalidParam},
		{"bad hash", values("filehash", "x"), p.bearer(), 400, api.InvalidParam},
		{"unknown", values("id", string(store.NewEntryID())), p.bearer(), 404, api.NotFound},
		{"folder", values("id", string(folder)), p.bearer(), 400, api.InvalidParam}, // TestZipByLink for links
		{"damaged", values("id", string(bad.ID)), p.bearer(), 503, api.Damaged},
		{"bad signature", values("id", id, "sig", "x"), p.bearer(), 403, api.Forbidden},
	}
	for _, path := range []string{"/file/download", "/file/downloadurl"} {
		for _, tt := range tests {
			if path == "/file/downloadurl" && (tt.status == 403 || tt.status == 503 || tt.what == "folder") {
				continue
			}
			var tweaks []tweak
			if tt.tweak != nil {
				tweaks = append(tweaks, tt.tweak)
			}
			t.Run(path+" "+tt.what, func(t *testing.T) { d.get(path, tt.query, tweaks...).want(t, tt.status, tt.code) })
		}
	}
	if a := d.get("/file/download", values("filehash", strings.ToUpper(hash)), p.cookie()); string(a.body) != story {
		t.Errorf("by hash and cookie: %d %s", a.status, a.body)
	}
	old := values("filehash", hash, "username", "alice", "token", p.token)
	if a := d.get("/file/download", old); string(a.body) != story {
		t.Errorf("with the old parameters: %d %s", a.status, a.body)
	}
}

// link asks for a signed URL.
func (d *drive) link(p person, e store.Entry, tweaks ...tweak) string {
	d.t.Helper()
	a := d.get("/file/downloadurl", values("filehash", e.Content.Sums.Digest.String()), append(tweaks, p.bearer())...)
	if kind := a.header.Get("Content-Type"); a.status != 200 || kind != "text/plain; charset=utf-8" {
		d.t.Fatalf("%d, %s, %s", a.status, kind, a.body)
	}
	return string(a.body)
}

func TestDownloadByLink(t *testing.T) {
	t.Parallel()
	d := newDrive(t, nil)
	p := d.join("alice")
	e := d.put(p, "", "a.bin", story)
	link := d.link(p, e)
	if !strings.HasPrefix(link, d.url+"/file/download?") {
		t.Fatalf("link %s", link)
	}
	if a := send(t, "GET", link, ""); a.status != 200 || string(a.body) != story {
		t.Fatalf("%d %s", a.status, a.body)
	}
	if a := send(t, "GET", link, "", header("Range", "bytes=0-2")); a.status != 206 || string(a.body) != "012" {
		t.Errorf("%d %s", a.status, a.body)
	}
	if _, sig, _ := strings.Cut(link, "sig="); strings.Contains(d.logs.String(), sig) {
		t.Error("the signature was logged")
	}
	d.clock.move(2 * time.Hour)
	send(t, "GET", link, "").want(t, 403, api.Forbidden)
	link = d.link(p, e)
	if err := d.db.Trash(t.Context(), p.user.ID, e.ID, 0, d.clock.now()); err != nil {
		t.Fatal(err)
	}
	send(t, "GET", link, "").want(t, 404, api.NotFound)
}

func TestLinkShowsTheHostThatTheClientKnows(t *testing.T) {
	t.Parallel()
	d := newDrive(t, func(s *Server) { s.PublicURL, _ = url.Parse("https://drive.example/") })
	p := d.join("alice")
	e := d.put(p, "", "a.bin", story)
	if link := d.link(p, e); !strings.HasPrefix(link, "https://drive.example/file/download?") {
		t.Errorf("link %s", link)
	}
	plain := newDrive(t, nil)
	p = plain.join("alice")
	e = plain.put(p, "", "a.bin", story)
	host := func(r *http.Request) { r.Host = "files.example:81" }
	if link := plain.link(p, e, host, header("X-Forwarded-Proto", "https")); !strings.HasPrefix(link, "http://files.example:81/file/download?") {
		t.Errorf("link %s", link)
	}
}
