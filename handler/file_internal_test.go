package handler

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/blinkdrive/blinkdrive/handler/api"
	"github.com/blinkdrive/blinkdrive/store"
)

func TestMeta(t *testing.T) {
	t.Parallel()
	d := newDrive(t, nil)
	p := d.join("alice")
	d.post("/file/mkdir", values("path", "/docs/秒传"), p.bearer()).want(t, 200, api.OK)
	folder := d.query(p, values("path", "/docs"))[0]
	file := d.put(p, store.EntryID(folder.ID), "a.txt", "content")
	hash := file.Content.Sums.Digest.String()
	want := api.Meta{FileSha1: hash, FileName: "a.txt", FileSize: 7, Location: "local", UploadAt: timestamp(d.clock.now()),
		ID: string(file.ID), ParentID: folder.ID, Path: "/docs/秒传/a.txt", Kind: "file", Revision: 1, Moving: true}
	for _, ref := range []url.Values{values("id", want.ID), values("filehash", hash), values("filehash", strings.ToUpper(hash)),
		values("id", want.ID, "filehash", hash)} {
		if got := bare[api.Meta](t, d.get("/file/meta", ref, p.bearer())); got != want {
			t.Errorf("%v: %+v, want %+v", ref, got, want)
		}
		if got := bare[api.Meta](t, d.post("/file/meta", ref, p.bearer())); got != want {
			t.Errorf("%v by form: %+v", ref, got)
		}
	}
	if got := bare[api.Meta](t, d.get("/file/meta", values("id", folder.ID), p.bearer())); got.FileSha1 != "" || got.Kind != "folder" {
		t.Errorf("folder: %+v", got)
	}
	for path, want := range map[string]string{"/docs/秒传/a.txt": want.ID, "docs//秒传/a.txt/": want.ID, "/docs/秒传": folder.ID, "/": ""} {
		got := bare[api.Meta](t, d.get("/file/meta", values("path", path), p.bearer()))
		if got.ID != want || want == "" && (got.Kind != "folder" || got.Path != "/") {
			t.Errorf("%s: %+v", path, got)
		}
	}
	if got := bare[api.Meta](t, d.get("/file/meta", values("path", "/docs/秒传/a.txt"), p.bearer())); got != want {
		t.Errorf("by path: %+v, want %+v", got, want)
	}
	d.get("/file/meta", values("path", "/docs"), d.join("mallory").bearer()).want(t, 404, api.NotFound)
	for query, status := range map[string]int{"": 400, "path=": 400, "path=/nothing": 404, "path=/docs/a.txt": 404, "path=/../docs": 400, "path=/docs/秒传/a.txt/b": 404,
		"id=x&path=/docs": 400, "id=x": 400, "filehash=x": 400, "filehash=" + strings.Repeat("g", 40): 400,
		"id=" + string(store.NewEntryID()): 404, "filehash=" + strings.Repeat("0", 40): 400, "filehash=" + strings.Repeat("1", 40): 404,
		"id=" + folder.ID + "&filehash=" + hash: 404, "id=a&id=b": 400} {
		q, _ := url.ParseQuery(query)
		if a := d.get("/file/meta", q, p.bearer()); a.status != status {
			t.Errorf("%s: %d %s", query, a.status, a.body)
		}
	}
}

// query lists entries.
func (d *drive) query(p person, q url.Values) []api.QueryEntry {
	d.t.Helper()
	return bare[[]api.QueryEntry](d.t, d.get("/file/query", q, p.bearer()))
}

func names(entries []api.QueryEntry) string {
	var all []string
	for _, e := range entries {
		all = append(all, e.FileName)
	}
	return strings.Join(all, " ")
}

func TestQuery(t *testing.T) {
	t.Parallel()
	d := newDrive(t, nil)
	p := d.join("alice")
	if a := d.get("/file/query", nil, p.bearer()); strings.TrimSpace(string(a.body)) != "[]" || a.header.Get(api.HeaderNextCursor) != "" {
		t.Errorf("empty drive: %s %v", a.body, a.header)
	}
	d.post("/file/mkdir", values("path", "/z folder"), p.bearer()).want(t, 200, api.OK)
	folder := store.EntryID(d.query(p, values("path", "/"))[0].ID)
	for i, name := range []string{"c", "a", "b"} {
		d.put(p, "", name, strings.Repeat(name, i+1))
		d.clock.move(time.Second)
	}
	d.put(p, folder, "deep", "down here")
	for q, want := range map[string]string{
		"":                    "deep b a c",
		"path=/":              "z folder a b c",
		"path=/&sort=size":    "z folder b a c",
		"path=/&sort=time":    "z folder b a c",
		"path=/&sort=newest":  "b a c z folder",
		"path=/z%20folder/":   "deep",
		"limit=2":             "deep b",
		"limit=100000":        "deep b a c",
		"sort=name":           "a b c deep",
		"username=alice&x=%2": "",
	} {
		query, err := url.ParseQuery(q)
		if err != nil {
			continue
		}
		if got := names(d.query(p, query)); got != want {
			t.Errorf("%s: %s; want %s", q, got, want)
		}
	}
	if e := d.query(p, nil)[0]; e.UserName != "alice" || e.Path != "/z folder/deep" || e.FileSize != 9 || e.LastUpdated == "" || e.UploadAt == "" {
		t.Errorf("entry: %+v", e)
	}
	for q, status := range map[string]int{"limit=0": 400, "limit=-1": 400, "limit=x": 400, "sort=colour": 400, "order=up": 400, "cursor=x": 400,
		"path=/nothing": 404, "path=/a": 404, "path=/../etc": 400} {
		query, _ := url.ParseQuery(q)
		if a := d.get("/file/query", query, p.bearer()); a.status != status {
			t.Errorf("%s: %d %s", q, a.status, a.body)
		}
	}
}

func TestQueryOrder(t *testing.T) {
	t.Parallel()
	d := newDrive(t, nil)
	p := d.join("alice")
	for i, name := range []string{"b", "a", "c"} {
		d.put(p, "", name, strings.Repeat(name, i+1))
		d.folder(p, "/folder "+name)
		d.clock.move(time.Second)
	}
	for q, want := range map[string]string{
		"sort=name":                     "folder a folder b folder c a b c",
		"sort=name&order=asc":           "folder a folder b folder c a b c",
		"sort=name&order=desc":          "folder c folder b folder a c b a",
		"order=desc":                    "folder c folder b folder a c b a",
		"sort=size&order=asc":           "folder b folder a folder c b a c",
		"sort=size":                     "folder c folder a folder b c a b",
		"sort=time&order=asc":           "folder b folder a folder c b a c",
		"sort=newest&order=asc&limit=2": "b folder b a folder a c folder c",
	} {
		query, err := url.ParseQuery(q + "&path=/")
		if err != nil {
			t.Fatal(err)
		}
		if query.Get("limit") == "" {
			query.Set("limit", "1")
		}
		if got := names(d.allPages(p, "/file/query", query)); got != want {
			t.Errorf("%s: %s; want %s", q, got, want)
		}
	}
	found := names(d.allPages(p, "/file/search", values("query", "folder", "order", "desc", "limit", "1")))
	if found != "folder c folder b folder a" {
		t.Errorf("searched: %s", found)
	}
	// The cursor of one direction leads nowhere in the other.
	a := d.get("/file/query", values("path", "/", "limit", "1"), p.bearer())
	d.get("/file/query", values("path", "/", "limit", "1", "order", "desc", "cursor", a.header.Get(api.HeaderNextCursor)), p.bearer()).
		want(t, 400, api.InvalidParam)
	d.get("/file/search", values("query", "a", "order", "up"), p.bearer()).want(t, 400, api.InvalidParam)
	d.get("/file/trash", values("order", "up"), p.bearer()).want(t, 400, api.InvalidParam)
}

// allPages reads a list to its end.
func (d *drive) allPages(p person, path string, q url.Values) (all []api.QueryEntry) {
	d.t.Helper()
	for {
		a := d.get(path, q, p.bearer())
		all = append(all, bare[[]api.QueryEntry](d.t, a)...)
		if a.header.Get(api.HeaderNextCursor) == "" {
			return all
		}
		q.Set("cursor", a.header.Get(api.HeaderNextCursor))
	}
}

func TestQueryPages(t *testing.T) {
	t.Parallel()
	d := newDrive(t, nil)
	p := d.join("alice")
	for i := range 25 {
		d.put(p, "", fmt.Sprintf("f%02d", i), fmt.Sprint(i))
	}
	for _, q := range []url.Values{values("limit", "10"), values("limit", "10", "path", "/", "sort", "size"), values("limit", "25")} {
		var seen []string
		for {
			a := d.get("/file/query", q, p.bearer())
			for _, e := range bare[[]api.QueryEntry](t, a) {
				seen = append(seen, e.ID)
			}
			q.Set("cursor", a.header.Get(api.HeaderNextCursor))
			if q.Get("cursor") == "" {
				break
			}
		}
		slices.Sort(seen)
		if len(seen) != 25 || len(slices.Compact(seen)) != 25 {
			t.Errorf("%v: %d entries", q, len(seen))
		}
	}
}

func TestUpdate(t *testing.T) {
	t.Parallel()
	d := newDrive(t, nil)
	p := d.join("alice")
	file := d.put(p, "", "a.txt", "content a")
	other := d.put(p, "", "b.txt", "content b")
	id, hash := string(file.ID), file.Content.Sums.Digest.String()
	update := func(pairs ...string) answer { return d.post("/file/update", values(pairs...), p.bearer()) }

	if got := bare[api.Meta](t, update("op", "0", "filehash", hash, "filename", "new name")); got.FileName != "new name" || got.ID != id {
		t.Errorf("rename: %+v", got)
	}
	update("op", "0", "id", id, "filename", "b.txt").want(t, 409, api.NameTaken)
	update("op", "0", "id", string(other.ID), "filename", "b.txt") // its own name
	if got := bare[api.Meta](t, update("op", "1", "id", id, "path", "/new/folder")); got.Path != "/new/folder/new name" {
		t.Errorf("move: %+v", got)
	}
	if got := bare[api.Meta](t, update("op", "1", "id", id, "path", "/", "filename", "c.txt")); got.Path != "/c.txt" || got.ParentID != "" {
		t.Errorf("move and rename: %+v", got)
	}
	d.post("/file/delete", values("id", id), p.bearer()).want(t, 200, api.OK)
	update("op", "0", "id", id, "filename", "x").want(t, 404, api.NotFound)
	if got := bare[api.Meta](t, update("op", "2", "filehash", hash)); got.Path != "/c.txt" || got.ID != id {
		t.Errorf("restore: %+v", got)
	}
	update("op", "2", "id", id).want(t, 404, api.NotFound)
	update("op", "2", "filehash", hash).want(t, 404, api.NotFound)

	for _, op := range []string{"", "3", "-1", "00", "rename"} {
		update("op", op, "id", id, "filename", "x").want(t, 403, api.Forbidden)
	}
	update("op", "1", "id", id).want(t, 400, api.InvalidParam)
	update("op", "0", "id", id).want(t, 400, api.InvalidParam)
	update("op", "0", "filename", "x").want(t, 400, api.InvalidParam)
	update("op", "1", "id", id, "path", "/b.txt").want(t, 409, api.InTheWay)
	update("op", "0", "id", id, "filename", "x", "conflict", "perhaps").want(t, 400, api.InvalidParam)
	update("op", "0", "id", id, "filename", "x", "ifrevision", "one").want(t, 400, api.InvalidParam)
	update("op", "0", "id", id, "filename", "x", "ifrevision", "9999").want(t, 409, api.Conflict)
	d.post("/file/delete", values("id", id, "ifrevision", "9999"), p.bearer()).want(t, 409, api.Conflict)
}

func TestFolderCannotGoBelowItself(t *testing.T) {
	t.Parallel()
	d := newDrive(t, nil)
	p := d.join("alice")
	d.post("/file/mkdir", values("path", "/a/b/c"), p.bearer()).want(t, 200, api.OK)
	id := d.query(p, values("path", "/"))[0].ID
	for _, path := range []string{"/a", "/a/b", "/a/b/c"} {
		d.post("/file/update", values("op", "1", "id", id, "path", path), p.bearer()).want(t, 400, api.InvalidParam)
	}
}

// Names that the world sends: each is stored as it is (in NFC) or refused with a reason, and never a fault.
func TestNames(t *testing.T) {
	t.Parallel()
	d := newDrive(t, nil)
	p := d.join("alice")
	id := string(d.put(p, "", "start", "content").ID)
	for _, name := range []string{"", ".", "..", "a/b", "/", "../../etc/passwd", "a\x00b", "a\r\nSet-Cookie: x=y", "a\nb", "tab\tb",
		"del\x7f", "c1\u0085", strings.Repeat("x", 256), strings.Repeat("é", 128), "\xff\xfe"} {
		d.post("/file/update", values("op", "0", "id", id, "filename", name), p.bearer()).want(t, 400, api.InvalidParam)
	}
	for in, want := range map[string]string{
		`"quoted" 'name'`: "", "<script>alert(1)": "", "<title>": "", strings.Repeat("x", 255): "", "...": "",
		"caf\u0065\u0301": "caf\u00e9", "\u202egpj.exe": "", "שלום.txt": "", `back\slash`: "", "trailing space ": "", "100%": "",
		"a;b&c=d+e#f?g": "", "👩‍👩‍👧": "", "CON": "", "-rf": "",
	} {
		if want == "" {
			want = in
		}
		got := bare[api.Meta](t, d.post("/file/update", values("op", "0", "id", id, "filename", in), p.bearer()))
		if got.FileName != want || got.Path != "/"+want {
			t.Errorf("%q became %q at %q", in, got.FileName, got.Path)
		}
		if listed := d.query(p, nil)[0].FileName; listed != want {
			t.Errorf("%q is listed as %q", in, listed)
		}
	}
}

func TestMkdir(t *testing.T) {
	t.Parallel()
	d := newDrive(t, nil)
	p := d.join("alice")
	mkdir := func(path string) answer { return d.post("/file/mkdir", values("path", path), p.bearer()) }
	var first, again api.Meta
	mkdir("/a/b").want(t, 200, api.OK, &first)
	mkdir("a//b/").want(t, 200, api.OK, &again)
	if first != again || first.Path != "/a/b" || first.Kind != "folder" {
		t.Errorf("%+v, again %+v", first, again)
	}
	mkdir("/").want(t, 200, api.OK)
	d.put(p, "", "file", "x")
	mkdir("/file").want(t, 409, api.InTheWay)
	mkdir("/file/below").want(t, 409, api.InTheWay)
	mkdir("").want(t, 400, api.InvalidParam)
	mkdir("/a/../b").want(t, 400, api.InvalidParam)
	mkdir(strings.Repeat("/x", 64)).want(t, 200, api.OK)
	mkdir(strings.Repeat("/x", 65)).want(t, 400, api.InvalidParam)
}

func TestDeleteTrashPurge(t *testing.T) {
	t.Parallel()
	d := newDrive(t, func(s *Server) { s.Files.TrashTTL = 48 * time.Hour })
	p := d.join("alice")
	d.post("/file/mkdir", values("path", "/folder"), p.bearer()).want(t, 200, api.OK)
	folder := d.query(p, values("path", "/"))[0].ID
	d.put(p, store.EntryID(folder), "inside", "one")
	hash := d.put(p, "", "alone", "two").Content.Sums.Digest.String()
	id3 := string(d.put(p, "", "third", "three").ID)

	del := func(method string, query, form url.Values, status int) {
		t.Helper()
		if a := d.send(method, "/file/delete", query, form, p.bearer()); a.status != status {
			t.Fatalf("delete %v %v: %d %s", query, form, a.status, a.body)
		}
	}
	del("POST", nil, values("filehhash", hash), 200) // the original's spelling
	del("POST", nil, values("filehhash", hash), 404)
	d.clock.move(time.Second)
	del("DELETE", values("id", folder), nil, 200)
	del("POST", nil, values("id", id3), 200)
	del("POST", nil, nil, 400)
	if got := d.query(p, nil); len(got) != 0 {
		t.Errorf("left: %v", got)
	}
	trash := bare[[]api.QueryEntry](t, d.get("/file/trash", nil, p.bearer()))
	if len(trash) != 3 { // the folder stands for what is in it
		t.Errorf("trash: %v", trash)
	}
	if e := trash[0]; e.ID != id3 || e.DeletedAt != rfc3339(d.clock.now()) || e.ExpiresAt != rfc3339(d.clock.now().Add(d.Files.TrashTTL)) {
		t.Errorf("deleted last, now: %+v", e)
	}
	if a := d.get("/file/trash", values("order", "asc", "limit", "1"), p.bearer()); !strings.Contains(names(bare[[]api.QueryEntry](t, a)), "alone") {
		t.Errorf("deleted first: %s", a.body)
	}
	purge := func(form url.Values) answer { return d.post("/file/purge", form, p.bearer()) }
	purge(values("id", "")).want(t, 400, api.InvalidParam) // a mistake must not empty the trash
	purge(values("id", "nonsense")).want(t, 400, api.InvalidParam)
	purge(values("id", id3)).want(t, 200, api.OK)
	purge(values("id", id3)).want(t, 404, api.NotFound)
	if got := bare[api.Meta](t, d.post("/file/update", values("op", "2", "id", folder), p.bearer())); got.Path != "/folder" {
		t.Errorf("restored: %+v", got)
	}
	if got := names(d.query(p, values("path", "/folder"))); got != "inside" {
		t.Errorf("in the restored folder: %s", got)
	}
	var purged api.Purged
	purge(nil).want(t, 200, api.OK, &purged)
	if purged.Purged != 1 {
		t.Errorf("purged: %+v", purged)
	}
	var info api.UserInfo
	d.get("/user/info", nil, p.bearer()).want(t, 200, api.OK, &info)
	if info.Used != 3 {
		t.Errorf("used: %d", info.Used)
	}
}

// A folder in the trash can be opened, and parts of it restored and purged.
func TestTrashedFolder(t *testing.T) {
	t.Parallel()
	d := newDrive(t, nil)
	p, mallory := d.join("alice"), d.join("mallory")
	d.post("/file/mkdir", values("path", "/office/2024/q1"), p.bearer()).want(t, 200, api.OK)
	meta := func(path string) store.EntryID {
		t.Helper()
		return store.EntryID(bare[api.Meta](t, d.get("/file/meta", values("path", path), p.bearer())).ID)
	}
	year, q1 := meta("/office/2024"), meta("/office/2024/q1")
	report := string(d.put(p, q1, "report", "important").ID)
	d.put(p, q1, "notes", "notes")
	plan := string(d.put(p, year, "plan", "planned").ID)
	d.post("/file/delete", values("id", report), p.bearer()).want(t, 200, api.OK)
	d.clock.move(time.Second)
	d.post("/file/delete", values("id", string(year)), p.bearer()).want(t, 200, api.OK)
	shows := func(query url.Values, want string) {
		t.Helper()
		got := ""
		for _, e := range bare[[]api.QueryEntry](t, d.get("/file/trash", query, p.bearer())) {
			got += fmt.Sprintf("%s %d; ", e.Path, e.FileSize)
			if e.DeletedAt == "" || e.ExpiresAt == "" {
				t.Errorf("%+v", e)
			}
		}
		if got != want {
			t.Errorf("trash %v: %s, want %s", query, got, want)
		}
	}
	shows(nil, "/office/2024 12; /office/2024/q1/report 9; ")
	shows(values("id", string(year)), "/office/2024/q1 5; /office/2024/plan 7; ")
	shows(values("id", string(year), "order", "desc", "sort", "name", "limit", "1"), "/office/2024/q1 5; ")
	shows(values("id", string(q1)), "/office/2024/q1/notes 5; ")
	for query, status := range map[string]int{"id=": 400, "id=x": 400, "id=" + string(year) + "&sort=size": 400, "id=" + report: 404,
		"id=" + string(store.NewEntryID()): 404, "id=" + string(year) + "&cursor=x": 400} {
		q, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		if a := d.get("/file/trash", q, p.bearer()); a.status != status {
			t.Errorf("%s: %d %s", query, a.status, a.body)
		}
	}
	d.get("/file/trash", values("id", string(year)), mallory.bearer()).want(t, 404, api.NotFound)
	d.post("/file/update", values("op", "2", "id", plan), mallory.bearer()).want(t, 404, api.NotFound)

	restore := func(id, want string) {
		t.Helper()
		got := bare[api.Meta](t, d.post("/file/update", values("op", "2", "id", id), p.bearer()))
		if got.ID != id || got.Path != want {
			t.Errorf("restored %+v, want %s", got, want)
		}
	}
	restore(report, "/office/2024/q1/report")
	shows(nil, "/office/2024/plan 7; /office/2024/q1/notes 5; ")
	shows(values("id", string(q1)), "/office/2024/q1/notes 5; ")
	d.post("/file/purge", values("id", plan), p.bearer()).want(t, 200, api.OK)
	restore(string(year), "/office/2024")
	shows(nil, "")
	if got := names(d.query(p, values("path", "/office/2024/q1"))); got != "notes report" {
		t.Errorf("in the restored folder: %s", got)
	}
	d.post("/file/delete", values("id", string(year)), p.bearer()).want(t, 200, api.OK)
	d.post("/file/purge", values("id", report), p.bearer()).want(t, 200, api.OK) // part of the folder
	shows(nil, "/office/2024 5; ")
}

// A cookie page's FormData and a query string are as good as a form.
func TestParametersFromAnywhere(t *testing.T) {
	t.Parallel()
	d := newDrive(t, nil)
	p := d.join("alice")
	id := string(d.put(p, "", "a", "content").ID)
	d.send("POST", "/file/update", values("op", "0", "id", id, "filename", "b"), nil, p.bearer())
	d.send("POST", "/file/update", values("op", "0", "id", id), values("filename", "c"), p.bearer())
	if got := names(d.query(p, nil)); got != "c" {
		t.Errorf("name: %s", got)
	}
	a := d.send("POST", "/file/update", values("op", "0", "id", id, "filename", "d"), values("filename", "e"), p.bearer())
	a.want(t, 400, api.InvalidParam)
	a = d.post("/file/update", values("op", "0", "id", id, "filename", strings.Repeat("x", maxForm)), p.bearer())
	a.want(t, 413, api.TooLarge)
}
