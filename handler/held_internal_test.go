package handler

import (
	"strconv"
	"strings"
	"testing"

	"github.com/blinkdrive/blinkdrive/handler/api"
)

// A refused init says where the content is: the newest visible file of the user, never one of another user.
func TestInitNamesWhatTheUserHas(t *testing.T) {
	t.Parallel()
	d := newDrive(t, nil)
	p, q := d.join("alice"), d.join("bob")
	docs := d.folder(p, "/docs/deep")
	init := func(p person, content string, more ...string) answer {
		form := values(append([]string{"filehash", sha1Hex(content), "filesize", strconv.Itoa(len(content)), "filename", "x", "path", "/new"}, more...)...)
		return d.post("/file/mpupload/init", form, p.bearer())
	}
	have := func(id, path string) {
		t.Helper()
		a := init(p, story)
		var held api.Held
		a.want(t, 409, api.AlreadyHave, &held)
		if held != (api.Held{ID: id, Path: path}) || !strings.Contains(string(a.body), "/file/copy") {
			t.Errorf("%s, want %s at %s", a.body, id, path)
		}
	}
	first := d.put(p, "", "a", story)
	have(string(first.ID), "/a")
	second := d.put(p, docs, "b", story)
	d.put(q, "", "bob's", story)
	have(string(second.ID), "/docs/deep/b")
	d.post("/file/update", values("op", "0", "id", string(docs), "filename", "new name"), p.bearer())
	have(string(second.ID), "/docs/new name/b")
	d.post("/file/delete", values("id", string(docs)), p.bearer()).want(t, 200, api.OK)
	have(string(first.ID), "/a")

	// An upload without a digest that turns out to be the same content is told the same.
	var in api.Init
	d.post("/file/mpupload/init", values("filesize", strconv.Itoa(len(story))), p.bearer()).want(t, 200, api.OK, &in)
	var held api.Held
	init(p, story, "uploadid", in.UploadID).want(t, 409, api.AlreadyHave, &held)
	if held.ID != string(first.ID) {
		t.Errorf("bound: %+v", held)
	}

	d.put(q, "", "only bob's", "only bob has this")
	init(p, "only bob has this").want(t, 200, api.OK)
	d.post("/file/delete", values("id", string(first.ID)), p.bearer()).want(t, 200, api.OK)
	init(p, story).want(t, 200, api.OK)
}
