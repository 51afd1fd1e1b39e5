package handler

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/blinkdrive/blinkdrive/handler/api"
	"github.com/blinkdrive/blinkdrive/store"
)

// zippedTree is a folder with files and folders, some of them empty.
func (d *drive) zippedTree(p person) store.EntryID {
	d.t.Helper()
	docs := d.folder(p, "/docs")
	d.folder(p, "/docs/empty folder")
	d.put(p, docs, "a.txt", story)
	d.put(p, docs, "empty", "")
	d.put(p, d.folder(p, "/docs/秒传"), "b.bin", strings.Repeat("0123456789", 20_000))
	return docs
}

func TestZipRanges(t *testing.T) {
	t.Parallel()
	d := newDrive(t, nil)
	p := d.join("alice")
	query := values("id", string(d.zippedTree(p)))
	a := d.get("/file/zip", query, p.bearer())
	whole, size, etag := string(a.body), len(a.body), a.header.Get("Etag")
	unzip(t, a)
	if etag == "" || strings.HasPrefix(etag, "W/") || a.header.Get("Accept-Ranges") != "bytes" {
		t.Errorf("headers of the whole: %v", a.header)
	}
	other := header("If-Range", `"other"`)
	tests := []struct {
		what     string
		tweaks   []tweak
		status   int
		from, to int
	}{
		{"all", nil, 200, 0, size},
		{"from 0", []tweak{header("Range", "bytes=0-")}, 206, 0, size},
		{"a byte", []tweak{header("Range", "bytes=5-5")}, 206, 5, 6},
		{"end", []tweak{header("Range", "bytes=-22")}, 206, size - 22, size},
		{"more than all", []tweak{header("Range", "bytes=-99999999")}, 206, 0, size},
		{"past the end", []tweak{header("Range", "bytes=7-99999999")}, 206, 7, size},
		{"behind the end", []tweak{header("Range", fmt.Sprintf("bytes=%d-", size))}, 416, 0, 0},
		{"the last none", []tweak{header("Range", "bytes=-0")}, 416, 0, 0},
		{"malformed", []tweak{header("Range", "bytes=5-2")}, 416, 0, 0},
		{"two", []tweak{header("Range", "bytes=0-1,5-6")}, 200, 0, size},
		{"another unit", []tweak{header("Range", "lines=1-2")}, 200, 0, size},
		{"of this zip", []tweak{header("Range", "bytes=9-"), header("If-Range", etag)}, 206, 9, size},
		{"of another zip", []tweak{header("Range", "bytes=9-"), other}, 200, 0, size},
		{"of a weak tag", []tweak{header("Range", "bytes=9-"), header("If-Range", "W/"+etag)}, 200, 0, size},
		{"of a date", []tweak{header("Range", "bytes=9-"), header("If-Range", time.Now().UTC().Format(http.TimeFormat))}, 200, 0, size},
		{"behind the end of another zip", []tweak{header("Range", "bytes=99999999-"), other}, 200, 0, size},
		{"known", []tweak{header("If-None-Match", etag)}, 304, 0, 0},
		{"not known", []tweak{header("If-None-Match", `"other"`)}, 200, 0, size},
		{"matched", []tweak{header("If-Match", etag)}, 200, 0, size},
		{"not matched", []tweak{header("If-Match", `"other"`)}, 412, 0, 0},
	}
	for range 40 {
		from := rand.IntN(size)
		to := from + 1 + rand.IntN(size-from)
		tests = append(tests, struct {
			what     string
			tweaks   []tweak
			status   int
			from, to int
		}{fmt.Sprint(from, " to ", to), []tweak{header("Range", fmt.Sprintf("bytes=%d-%d", from, to-1))}, 206, from, to})
	}
	for _, tt := range tests {
		for _, method := range []string{"GET", "HEAD"} {
			a := d.send(method, "/file/zip", query, nil, append(tt.tweaks, p.bearer())...)
			if a.status != tt.status {
				t.Errorf("%s %s: %d", method, tt.what, a.status)
				continue
			}
			if tt.status != 200 && tt.status != 206 {
				if method == "GET" && tt.status == 416 {
					a.want(t, 416, api.BadRange)
					if got, want := a.header.Get("Content-Range"), fmt.Sprintf("bytes */%d", size); got != want {
						t.Errorf("%s: Content-Range %q", tt.what, got)
					}
				}
				continue
			}
			wantRange := ""
			if tt.status == 206 {
				wantRange = fmt.Sprintf("bytes %d-%d/%d", tt.from, tt.to-1, size)
			}
			if got := a.header; got.Get("Content-Range") != wantRange || got.Get("Etag") != etag ||
				got.Get("Content-Length") != fmt.Sprint(tt.to-tt.from) || got.Get("Content-Type") != "application/zip" {
				t.Errorf("%s %s: %v, want %s", method, tt.what, got, wantRange)
			}
			if method == "GET" && string(a.body) != whole[tt.from:tt.to] {
				t.Errorf("%s: %d other bytes", tt.what, len(a.body))
			}
		}
	}
	post := d.post("/file/zip", query, p.bearer(), header("Range", "bytes=1-2"))
	if post.status != 200 || string(post.body) != whole || post.header.Get("Etag") != etag {
		t.Errorf("POST with a range: %d, %d bytes", post.status, len(post.body))
	}
}

// A zip that was cut is resumed, by its owner or by a link, as long as nothing in it has changed.
func TestZipResumes(t *testing.T) {
	t.Parallel()
	d := newDrive(t, nil)
	p := d.join("alice")
	docs := d.zippedTree(p)
	link := string(d.get("/file/downloadurl", values("id", string(docs)), p.bearer()).body)
	whole := send(t, "GET", link, "")
	resumed := func() answer {
		return send(t, "GET", link, "", header("Range", "bytes=1000-"), header("If-Range", whole.header.Get("Etag")))
	}
	// Another process has not read what comes before.
	second := newDrive(t, func(s *Server) {
		s.Accounts, s.Files, s.Downloads.Places = d.Accounts, d.Files, d.Downloads.Places
		s.Downloads.Entries, s.Downloads.Trees, s.Downloads.Users = d.db, d.db, d.db
	})
	for where, a := range map[string]answer{"here": resumed(), "elsewhere": send(t, "GET", strings.Replace(link, d.url, second.url, 1), "",
		header("Range", "bytes=1000-"), header("If-Range", whole.header.Get("Etag")))} {
		if a.status != 206 || !bytes.Equal(append(whole.body[:1000:1000], a.body...), whole.body) {
			t.Errorf("%s: %d, %d bytes of %d", where, a.status, len(a.body), len(whole.body))
		}
	}
	d.put(p, docs, "another", "another")
	changed := resumed()
	if got := unzip(t, changed); got["docs/another"] != "another" || changed.header.Get("Etag") == whole.header.Get("Etag") {
		t.Errorf("after a change: %v", changed.header)
	}
	renamed := d.post("/file/update", values("op", "0", "id", string(docs), "filename", "papers"), p.bearer())
	if renamed.status != 200 {
		t.Fatalf("%d %s", renamed.status, renamed.body)
	}
	if a := send(t, "GET", link, "", header("Range", "bytes=1000-"), header("If-Range", changed.header.Get("Etag"))); a.status != 200 {
		t.Errorf("after the folder was renamed: %d", a.status)
	}
}

// A range that cannot be read is refused before its first byte, and breaks the connection later.
func TestZipRangeOfWhatCannotBeRead(t *testing.T) {
	t.Parallel()
	d := newDrive(t, nil)
	p := d.join("alice")
	first, second := d.put(p, "", "first", strings.Repeat("1", 1<<20)), d.put(p, "", "second", strings.Repeat("2", 1<<20))
	if err := os.Remove(filepath.Join(d.root.Name(), "blobs", second.Content.Location.Name().Key())); err != nil {
		t.Fatal(err)
	}
	query := values("id", string(first.ID)+","+string(second.ID))
	a := d.get("/file/zip", query, p.bearer(), header("Range", "bytes=1500000-"))
	a.want(t, 503, api.Unavailable)
	for _, name := range []string{"Etag", "Content-Range", "Accept-Ranges", "Content-Disposition"} {
		if got := a.header.Get(name); got != "" {
			t.Errorf("%s: %s", name, got)
		}
	}
	if a := d.get("/file/zip", query, p.bearer(), header("Range", "bytes=0-999999")); a.status != 206 || len(a.body) != 1_000_000 {
		t.Errorf("of what can be read: %d, %d bytes", a.status, len(a.body))
	}
}

// pausing reads an answer, with a pause after its first bytes, during which the server cannot send on.
func pausing(t *testing.T, address string, pause time.Duration) (int64, error) {
	t.Helper()
	tr := &http.Transport{DisableKeepAlives: true, ReadBufferSize: 4 << 10}
	tr.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := (&net.Dialer{}).DialContext(ctx, network, addr)
		if err == nil {
			err = c.(*net.TCPConn).SetReadBuffer(16 << 10) // so that the rest waits at the server
		}
		return c, err
	}
	resp, err := (&http.Client{Transport: tr}).Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != 200 {
		t.Fatal(resp.Status)
	}
	n, err := io.CopyN(io.Discard, resp.Body, 1000)
	if err != nil {
		return n, err
	}
	time.Sleep(pause)
	rest, err := io.Copy(io.Discard, resp.Body)
	return n + rest, err
}

// A reader may pause for longer than another answer may take to leave. One that pauses for too long is cut off, and that is
// no error of the drive.
func TestPausedDownloads(t *testing.T) {
	t.Parallel()
	for _, cut := range []bool{false, true} {
		d := newDrive(t, func(s *Server) {
			s.WriteTimeout, s.StallTimeout = 20*time.Millisecond, 20*time.Second
			if cut {
				s.StallTimeout = 50 * time.Millisecond
			}
		})
		ts := httptest.NewServer(d.Handler())
		t.Cleanup(ts.Close)
		p := d.join("alice")
		e := d.put(p, "", "large", strings.Repeat("0123456789abcdef", 1<<20))
		for _, path := range []string{"/file/download", "/file/zip"} {
			query := url.Values{"id": {string(e.ID)}, "username": {p.name}, "token": {p.token}}
			n, err := pausing(t, ts.URL+path+"?"+query.Encode(), 300*time.Millisecond)
			if got := err == nil && n >= 16<<20; got == cut {
				t.Errorf("%s: %d bytes, %v", path, n, err)
			}
		}
		ts.Close() // waits for the handlers
		logs := d.logs.String()
		if diff := cmp.Diff(cut, strings.Count(logs, `level=INFO msg="download stopped`) == 2); diff != "" || strings.Contains(logs, "level=ERROR") {
			t.Errorf("cut %v, logged:\n%s", cut, logs)
		}
	}
}
