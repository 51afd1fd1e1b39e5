package handler

import (
	"net/url"
	"testing"
	"time"

	"github.com/blinkdrive/blinkdrive/handler/api"
	"github.com/blinkdrive/blinkdrive/handler/client"
)

// The same bytes under the same name with another time update the time, whichever way they come.
func TestSameBytesUpdateTheTime(t *testing.T) {
	t.Parallel()
	d := newDrive(t, nil)
	p := d.join("alice")
	meta := func(id string) api.Meta { return bare[api.Meta](t, d.get("/file/meta", values("id", id), p.bearer())) }
	for _, conflict := range []string{"", "replace", "fail"} {
		content := "content " + conflict
		upload := d.fullUpload(p, content)
		first := d.put(p, "", "a"+conflict, content)
		hash := sha1Hex(content)
		form := func(mtime string) answer {
			body, kind := rawForm(field("mtime", mtime), [3]string{"file", "a" + conflict, content})
			return send(t, "POST", d.url+"/file/upload?"+url.Values{"conflict": {conflict}}.Encode(), body, kind, p.bearer())
		}
		instant := func(mtime string) answer {
			return d.post("/file/fastupload", values("filehash", hash, "filename", "a"+conflict, "conflict", conflict, "mtime", mtime), p.bearer())
		}
		complete := func(mtime string) answer {
			return d.post("/file/mpupload/complete", values("uploadid", upload, "filename", "a"+conflict, "path", "/", "conflict", conflict,
				"mtime", mtime), p.bearer())
		}
		for i, way := range []func(string) answer{form, instant, complete, complete} {
			mtime := time.Date(2001, 2, 3, 4, 5, i, 500_000_000, time.UTC).Format(time.RFC3339Nano)
			for range 2 { // the second time it is no change
				way(mtime).want(t, 200, api.OK)
				now := meta(string(first.ID))
				if want := int64(i) + 2; now.ModifiedAt != mtime || now.Revision != want || now.FileName != "a"+conflict {
					t.Errorf("conflict=%s, way %d: %+v, want revision %d", conflict, i, now, want)
				}
			}
		}
	}
	if got := d.query(p, values("path", "/")); len(got) != 3 {
		t.Errorf("%d files: %+v", len(got), got)
	}
}

func TestUpdateSetsTheTime(t *testing.T) {
	t.Parallel()
	d := newDrive(t, nil)
	p := d.join("alice")
	id := string(d.put(p, "", "a.txt", "a").ID)
	folder := string(d.folder(p, "/docs"))
	update := func(pairs ...string) answer { return d.post("/file/update", values(pairs...), p.bearer()) }
	const one, two, fine = "2001-02-03T04:05:06Z", "1965-06-07T08:09:10Z", "2020-02-29T12:00:00.000001Z"
	for i, tt := range []struct {
		pairs []string
		want  api.Meta
	}{
		{[]string{"op", "0", "mtime", one}, api.Meta{Path: "/a.txt", ModifiedAt: one, Revision: 2}},
		{[]string{"op", "0", "mtime", "2001-02-03T05:05:06+01:00", "filename", ""}, api.Meta{Path: "/a.txt", ModifiedAt: one, Revision: 2}},
		{[]string{"op", "0", "mtime", two, "filename", "b.txt"}, api.Meta{Path: "/b.txt", ModifiedAt: two, Revision: 3}},
		{[]string{"op", "0", "filename", "c.txt"}, api.Meta{Path: "/c.txt", ModifiedAt: two, Revision: 4}},
		{[]string{"op", "1", "path", "/docs", "mtime", fine}, api.Meta{Path: "/docs/c.txt", ModifiedAt: fine, Revision: 5}},
		{[]string{"op", "1", "path", "/docs", "mtime", one, "ifrevision", "5"}, api.Meta{Path: "/docs/c.txt", ModifiedAt: one, Revision: 6}},
	} {
		got := bare[api.Meta](t, update(append(tt.pairs, "id", id)...))
		if got.Path != tt.want.Path || got.ModifiedAt != tt.want.ModifiedAt || got.Revision != tt.want.Revision || got.ID != id {
			t.Errorf("%d: %+v, want %+v", i, got, tt.want)
		}
	}
	if got := bare[api.Meta](t, update("op", "0", "id", folder, "mtime", one)); got.ModifiedAt != one || got.Kind != "folder" {
		t.Errorf("folder: %+v", got)
	}
	update("op", "0", "id", id, "mtime", "yesterday").want(t, 400, api.InvalidParam)
	update("op", "0", "id", id, "mtime", "").want(t, 400, api.InvalidParam)
	update("op", "0", "id", id, "mtime", two, "ifrevision", "5").want(t, 409, api.Conflict)
	d.post("/file/delete", values("id", id), p.bearer()).want(t, 200, api.OK)
	update("op", "0", "id", id, "mtime", two).want(t, 404, api.NotFound)
	update("op", "2", "id", id, "mtime", two).want(t, 400, api.InvalidParam)
	if got := bare[api.Meta](t, update("op", "2", "id", id)); got.ModifiedAt != one {
		t.Errorf("restored: %+v", got)
	}
	q := d.join("bob")
	d.post("/file/update", values("op", "0", "id", id, "mtime", two), q.bearer()).want(t, 404, api.NotFound)
}

func TestClientSetsModified(t *testing.T) {
	t.Parallel()
	d := newDrive(t, nil)
	p := d.join("alice")
	e := d.put(p, "", "a.txt", "a")
	c, err := client.New(d.url, client.Options{Token: p.token})
	if err != nil {
		t.Fatal(err)
	}
	defer c.CloseIdleConnections()
	at := time.Date(2020, 2, 29, 12, 0, 0, 250_000_000, time.FixedZone("", 3600))
	m, err := c.SetModified(t.Context(), client.ByID(string(e.ID)), at)
	if err != nil || m.ModifiedAt != "2020-02-29T11:00:00.25Z" {
		t.Errorf("%+v, %v", m, err)
	}
}
