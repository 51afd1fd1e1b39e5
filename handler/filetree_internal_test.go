package handler

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/blinkdrive/blinkdrive/handler/api"
	"github.com/blinkdrive/blinkdrive/store"
)

// folder makes a folder and returns its ID.
func (d *drive) folder(p person, path string) store.EntryID {
	d.t.Helper()
	var m api.Meta
	d.post("/file/mkdir", values("path", path), p.bearer()).want(d.t, 200, api.OK, &m)
	return store.EntryID(m.ID)
}

func TestCopy(t *testing.T) {
	t.Parallel()
	d := newDrive(t, nil)
	p := d.join("alice")
	docs := d.folder(p, "/docs")
	e := d.put(p, docs, "a.txt", story)
	d.put(p, d.folder(p, "/docs/deep"), "b.txt", "b")
	copied := func(form ...string) (c api.Copied) {
		t.Helper()
		d.post("/file/copy", values(form...), p.cookie()).want(t, 200, api.OK, &c)
		return c
	}
	for _, tt := range []struct {
		form    []string
		path    string
		entries int
	}{
		{[]string{"id", string(e.ID)}, "/docs/a (2).txt", 1},
		{[]string{"filehash", e.Content.Sums.Digest.String(), "path", "/new/folder", "filename", "c.txt"}, "/new/folder/c.txt", 1},
		{[]string{"id", string(e.ID), "path", "/"}, "/a.txt", 1},
		{[]string{"id", string(docs), "path", "/"}, "/docs (2)", 5},
		{[]string{"id", string(docs), "path", "/new", "conflict", "fail"}, "/new/docs", 5},
		{[]string{"id", string(e.ID), "path", "/new/folder", "filename", "c.txt", "conflict", "replace"}, "/new/folder/c.txt", 1},
	} {
		c := copied(tt.form...)
		if c.Path != tt.path || c.Entries != tt.entries || c.ID == "" || c.Revision != 1 {
			t.Errorf("%v: %+v", tt.form, c)
		}
		if c.Kind == "file" {
			if a := d.get("/file/download", values("id", c.ID), p.cookie()); string(a.body) != story {
				t.Errorf("%v: %d %s", tt.form, a.status, a.body)
			}
		}
	}
	for _, tt := range []struct {
		form   []string
		status int
		code   api.Code
	}{
		{[]string{"id", string(docs), "path", "/docs/deep"}, 400, api.InvalidParam},
		{[]string{"id", string(e.ID), "path", "/", "conflict", "fail"}, 409, api.NameTaken},
		{[]string{"id", string(e.ID), "path", "/new/docs", "filename", "deep", "conflict", "replace"}, 409, api.NameTaken},
		{[]string{"id", string(e.ID), "path", "/a.txt"}, 409, api.InTheWay},
		{[]string{"id", string(e.ID), "conflict", "perhaps"}, 400, api.InvalidParam},
		{[]string{"id", string(e.ID), "filename", ".."}, 400, api.InvalidParam},
		{[]string{"id", string(e.ID), "filename", "a/b"}, 400, api.InvalidParam},
		{[]string{"id", string(e.ID), "path", "/a/../b"}, 400, api.InvalidParam},
		{[]string{"id", string(e.ID), "path", strings.Repeat("/x", 65)}, 400, api.InvalidParam},
		{[]string{"id", string(e.ID), "conflict", "replace"}, 400, api.InvalidParam},
		{[]string{"id", string(e.ID), "ifrevision", "9"}, 409, api.Conflict},
		{[]string{"id", string(store.NewEntryID())}, 404, api.NotFound},
		{nil, 400, api.InvalidParam},
	} {
		d.post("/file/copy", values(tt.form...), p.bearer()).want(t, tt.status, tt.code)
	}
}

func TestCopyIsRefusedWhole(t *testing.T) {
	t.Parallel()
	d := newDrive(t, nil)
	p := d.join("alice")
	docs := d.folder(p, "/docs")
	for i := range 4 {
		d.put(p, docs, fmt.Sprint(i), strings.Repeat(fmt.Sprint(i), 100))
	}
	quota := int64(799)
	if err := d.db.UpdateUser(t.Context(), p.user.ID, store.UserChange{Quota: &quota}); err != nil {
		t.Fatal(err)
	}
	d.post("/file/copy", values("id", string(docs), "path", "/new"), p.bearer()).want(t, 507, api.QuotaExceeded)
	if got := names(d.query(p, values("path", "/"))); got != "docs" {
		t.Errorf("left: %s", got)
	}
	d.Files.MaxCopy = 4
	env := d.post("/file/copy", values("id", string(docs), "path", "/"), p.bearer()).want(t, 413, api.TooLarge)
	if !strings.Contains(env.Msg, "4 entries") {
		t.Errorf("says %q", env.Msg)
	}
}

func TestSearch(t *testing.T) {
	t.Parallel()
	d := newDrive(t, nil)
	p := d.join("alice")
	docs := d.folder(p, "/Reports/2024")
	for i, name := range []string{"Annual REPORT.pdf", "秒传说明.txt", "100%_done", "<img src=x>.html"} {
		d.put(p, docs, name, fmt.Sprint(i))
	}
	d.put(p, "", "report of nobody", "x")
	found := func(q url.Values) []api.QueryEntry {
		t.Helper()
		return bare[[]api.QueryEntry](t, d.get("/file/search", q, p.cookie()))
	}
	for _, tt := range []struct {
		query url.Values
		want  string
	}{
		{values("query", "rePort"), "Reports Annual REPORT.pdf report of nobody"},
		{values("query", "rePort", "sort", "newest", "path", "/"), "Reports report of nobody Annual REPORT.pdf"},
		{values("query", "report", "path", "/Reports"), "Annual REPORT.pdf"},
		{values("query", "说明"), "秒传说明.txt"},
		{values("query", "%"), "100%_done"},
		{values("query", "_"), "100%_done"},
		{values("query", "<IMG"), "<img src=x>.html"},
		{values("query", "nothing has this"), ""},
		{values("query", strings.Repeat("%", 10<<10)), ""},
		{values("query", "' OR 1=1"), ""},
	} {
		if got := names(found(tt.query)); got != tt.want {
			t.Errorf("%v: %q, want %q", tt.query, got, tt.want)
		}
	}
	if got := found(values("query", "annual"))[0]; got.Path != "/Reports/2024/Annual REPORT.pdf" || got.FileHash == "" || got.UserName != "alice" {
		t.Errorf("%+v", got)
	}
	a := d.get("/file/search", values("query", "report", "limit", "2"), p.bearer())
	rest := values("query", "report", "limit", "2", "cursor", a.header.Get(api.HeaderNextCursor))
	if got := names(bare[[]api.QueryEntry](t, a)) + " " + names(found(rest)); got != "Reports Annual REPORT.pdf report of nobody" {
		t.Errorf("two pages: %s", got)
	}
	if a := d.get("/file/search", values("query", "zzz"), p.bearer()); string(a.body) != "[]\n" {
		t.Errorf("nothing is %s", a.body)
	}
	for query, status := range map[string]int{"": 400, "query=": 400, "query=x&limit=0": 400, "query=x&limit=y": 400, "query=x&sort=size": 400,
		"query=x&cursor=bad": 400, "query=%ff": 400, "query=x&path=/none": 404, "query=x&path=/a/../b": 400,
		"query=x&path=/report+of+nobody": 404, "query=x&limit=99999999": 200} {
		q, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		if a := d.get("/file/search", q, p.bearer()); a.status != status {
			t.Errorf("%s: %d %s", query, a.status, a.body)
		}
	}
}

func TestInfoTellsWhatWasNotSent(t *testing.T) {
	t.Parallel()
	d := newDrive(t, nil)
	p := d.join("alice")
	e := d.put(p, "", "a", story)
	saved := func() int64 {
		t.Helper()
		var info api.UserInfo
		d.get("/user/info", nil, p.bearer()).want(t, 200, api.OK, &info)
		return info.BytesSaved
	}
	if n := saved(); n != 0 {
		t.Errorf("saved %d at first", n)
	}
	d.post("/file/fastupload", values("filehash", e.Content.Sums.Digest.String(), "filename", "b"), p.bearer()).want(t, 200, api.OK)
	if n := saved(); n != int64(len(story)) {
		t.Errorf("saved %d by an instant upload", n)
	}
	hash := strings.Repeat("ab", 20)
	var up api.Init
	begin := values("filehash", hash, "filesize", "600000", "chunksize", "262144", "filename", "c")
	d.post("/file/mpupload/init", begin, p.bearer()).want(t, 200, api.OK, &up)
	part := values("uploadid", up.UploadID, "index", "1")
	send(t, "POST", d.url+"/file/mpupload/uppart?"+part.Encode(), strings.Repeat("x", 262144), p.bearer()).want(t, 200, api.OK)
	for range 3 { // it is resumed, and asked for again
		d.post("/file/mpupload/init", begin, p.bearer()).want(t, 200, api.OK, &up)
	}
	if n := saved(); n != int64(len(story))+262144 {
		t.Errorf("saved %d by resuming too", n)
	}
}
