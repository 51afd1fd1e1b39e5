package handler

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"net/http"
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

// unzip reads an archive: its members' bytes by their names.
func unzip(t *testing.T, a answer) map[string]string {
	t.Helper()
	if a.status != 200 || a.header.Get("Content-Type") != "application/zip" || a.header.Get("Content-Length") != fmt.Sprint(len(a.body)) {
		t.Fatalf("%d, %d bytes, %v", a.status, len(a.body), a.header)
	}
	z, err := zip.NewReader(bytes.NewReader(a.body), int64(len(a.body)))
	if err != nil {
		t.Fatal(err)
	}
	members := map[string]string{}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatalf("%s: %v", f.Name, err)
		}
		content, err := io.ReadAll(r)
		if err != nil || f.Method != zip.Store || !filepath.IsLocal(f.Name) {
			t.Errorf("%s: method %d, %v", f.Name, f.Method, err)
		}
		if _, twice := members[f.Name]; twice {
			t.Errorf("%s is there twice", f.Name)
		}
		members[f.Name] = string(content)
	}
	return members
}

func TestZip(t *testing.T) {
	t.Parallel()
	d := newDrive(t, nil)
	p := d.join("alice")
	docs := d.folder(p, "/Märchen")
	deep := d.folder(p, "/Märchen/秒传/deep")
	d.folder(p, "/Märchen/empty")
	one := d.put(p, docs, "a.txt", story)
	d.put(p, deep, `..\..\evil.txt`, "harmless")
	d.put(p, deep, "nothing", "")
	two := d.put(p, deep, "A.TXT", "another")
	gone := d.put(p, deep, "gone", "gone")
	d.post("/file/delete", values("id", string(gone.ID)), p.bearer()).want(t, 200, api.OK)

	whole := map[string]string{"Märchen/": "", "Märchen/a.txt": story, "Märchen/empty/": "", "Märchen/秒传/": "", "Märchen/秒传/deep/": "",
		"Märchen/秒传/deep/.._.._evil.txt": "harmless", "Märchen/秒传/deep/nothing": "", "Märchen/秒传/deep/A.TXT": "another"}
	for name, tt := range map[string]struct {
		query url.Values
		want  map[string]string
		file  string
	}{
		"a folder":       {values("id", string(docs)), whole, "M_rchen.zip"},
		"a file":         {values("id", string(one.ID)), map[string]string{"a.txt": story}, "a.txt.zip"},
		"by digest":      {values("filehash", two.Content.Sums.Digest.String()), map[string]string{"A.TXT": "another"}, "A.TXT.zip"},
		"two of a name":  {values("id", string(one.ID)+","+string(two.ID)), map[string]string{"a.txt": story, "A (2).TXT": "another"}, "blinkdrive.zip"},
		"one twice":      {values("id", string(one.ID)+","+string(one.ID)), map[string]string{"a.txt": story}, "a.txt.zip"},
		"under a name":   {values("id", string(one.ID), "filename", "mine"), map[string]string{"a.txt": story}, "mine.zip"},
		"and an ending":  {values("id", string(one.ID), "filename", "mine.ZIP"), map[string]string{"a.txt": story}, "mine.ZIP"},
		"with what's in": {values("id", string(two.ID)+","+string(deep)), map[string]string{"A.TXT": "another", "deep/": "", "deep/A.TXT": "another", "deep/.._.._evil.txt": "harmless", "deep/nothing": ""}, "blinkdrive.zip"},
	} {
		for how, a := range map[string]answer{"link": d.get("/file/zip", tt.query, p.cookie()), "form": d.post("/file/zip", tt.query, p.cookie())} {
			if diff := cmp.Diff(tt.want, unzip(t, a)); diff != "" {
				t.Errorf("%s by %s: %s", name, how, diff)
			}
			if got := a.header.Get("Content-Disposition"); !strings.HasPrefix(got, `attachment; filename="`+tt.file+`"`) || a.header.Get("Content-Security-Policy") != "sandbox" {
				t.Errorf("%s: %v", name, a.header)
			}
		}
		head := d.send("HEAD", "/file/zip", tt.query, nil, p.cookie())
		if got := d.get("/file/zip", tt.query, p.cookie()); head.status != 200 || head.header.Get("Content-Length") != fmt.Sprint(len(got.body)) {
			t.Errorf("%s: HEAD: %d %v", name, head.status, head.header)
		}
	}
}

func TestZipRefused(t *testing.T) {
	t.Parallel()
	d := newDrive(t, func(s *Server) { s.Downloads.MaxArchive = 3 })
	p, q := d.join("alice"), d.join("bob")
	a, b := d.put(p, "", "a", "a"), d.put(q, "", "b", "b")
	docs := d.folder(p, "/docs")
	for i := range 3 {
		d.put(p, docs, fmt.Sprint(i), fmt.Sprint(i))
	}
	bad := d.put(p, "", "bad", "damaged")
	if err := d.db.MarkContent(t.Context(), bad.Content.Sums.Digest, bad.Content.Location, store.ContentDamaged, d.clock.now()); err != nil {
		t.Fatal(err)
	}
	some := make([]string, 1001)
	for i := range some {
		some[i] = string(store.NewEntryID())
	}
	for what, tt := range map[string]struct {
		id     string
		status int
		code   api.Code
	}{
		"no id":            {"", 400, api.InvalidParam},
		"no good id":       {string(a.ID) + ",x", 400, api.InvalidParam},
		"an empty one":     {string(a.ID) + ",", 400, api.InvalidParam},
		"only commas":      {",,", 400, api.InvalidParam},
		"one of another's": {string(a.ID) + "," + string(b.ID), 404, api.NotFound},
		"one not there":    {string(a.ID) + "," + some[0], 404, api.NotFound},
		"four entries":     {string(docs), 413, api.TooLarge},
		"too many names":   {strings.Join(some, ","), 413, api.TooLarge},
		"damaged":          {string(a.ID) + "," + string(bad.ID), 503, api.Damaged},
	} {
		t.Run(what, func(t *testing.T) { d.post("/file/zip", values("id", tt.id), p.bearer()).want(t, tt.status, tt.code) })
	}
	d.get("/file/zip", values("id", string(a.ID))).want(t, 401, api.TokenInvalid)
	d.get("/file/zip", values("id", string(a.ID), "filename", "../x"), p.bearer()).want(t, 400, api.InvalidParam)
}

func TestZipByLink(t *testing.T) {
	t.Parallel()
	d := newDrive(t, nil)
	p, q := d.join("alice"), d.join("bob")
	docs := d.folder(p, "/docs")
	a, b := d.put(p, docs, "a", "aaa"), d.put(p, "", "b", "bbb")
	theirs := d.put(q, "", "c", "ccc")
	link := func(id string) string {
		t.Helper()
		got := d.get("/file/downloadurl", values("id", id), p.bearer())
		if got.status != 200 || !strings.HasPrefix(string(got.body), d.url+"/file/zip?") {
			t.Fatalf("%d %s", got.status, got.body)
		}
		return string(got.body)
	}
	folder := link(string(docs))
	if got := unzip(t, send(t, "GET", folder, "")); got["docs/a"] != "aaa" || len(got) != 2 {
		t.Errorf("folder: %v", got)
	}
	both := link(string(a.ID) + "," + string(b.ID))
	if got := unzip(t, send(t, "GET", both, "")); got["a"] != "aaa" || got["b"] != "bbb" {
		t.Errorf("both: %v", got)
	}
	for _, id := range []string{string(theirs.ID), string(a.ID) + "," + string(theirs.ID)} {
		d.get("/file/downloadurl", values("id", id), p.bearer()).want(t, 404, api.NotFound)
	}
	send(t, "GET", strings.Replace(both, string(b.ID), string(theirs.ID), 1), "").want(t, 403, api.Forbidden)
	send(t, "GET", both+"&filename=x", "").want(t, 403, api.Forbidden)
	send(t, "GET", strings.Replace(both, "/file/zip", "/file/download", 1), "").want(t, 400, api.InvalidParam)
	send(t, "GET", strings.Replace(folder, "/file/zip", "/file/download", 1), "").want(t, 400, api.InvalidParam)
	// A link to a file lets one have that file, in whatever wrapping.
	if got := unzip(t, send(t, "GET", strings.Replace(d.link(p, a), "/file/download", "/file/zip", 1), "")); got["a"] != "aaa" {
		t.Errorf("file: %v", got)
	}
	d.clock.move(2 * time.Hour)
	send(t, "GET", both, "").want(t, 403, api.Forbidden)
}

// What cannot be read in the middle is never a short archive that looks whole.
func TestZipIsCutWhereAFileFails(t *testing.T) {
	t.Parallel()
	d := newDrive(t, nil)
	p := d.join("alice")
	first, second := d.put(p, "", "first", strings.Repeat("1", 1<<20)), d.put(p, "", "second", strings.Repeat("2", 1<<20))
	path := filepath.Join(d.root.Name(), "blobs", second.Content.Location.Name().Key())
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	get := func(ids ...store.Entry) (int, int64, int64, error) {
		t.Helper()
		var id []string
		for _, e := range ids {
			id = append(id, string(e.ID))
		}
		req, err := http.NewRequestWithContext(t.Context(), "GET", d.url+"/file/zip?id="+strings.Join(id, ","), nil)
		if err != nil {
			t.Fatal(err)
		}
		p.bearer()(req)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		n, err := io.Copy(io.Discard, resp.Body)
		return resp.StatusCode, n, resp.ContentLength, err
	}
	if status, n, want, err := get(first, second); err == nil || status != 200 || n >= want || want < 2<<20 {
		t.Errorf("second gone: %d, %d bytes of %d, %v", status, n, want, err)
	}
	if status, _, _, err := get(second, first); status != 503 || err != nil { // nothing was sent: it can be told
		t.Errorf("first gone: %d, %v", status, err)
	}
}
