package handler

import (
	"crypto/sha1"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/blinkdrive/blinkdrive/handler/api"
)

// A nameWay is one way in which an entry can ask for a name in the root folder.
type nameWay struct {
	what   string
	folder bool // the entry is a folder
	ask    func(name, conflict string) answer
}

// nameWays returns all ways, each with an entry of its own.
func (d *drive) nameWays(p person) []nameWay {
	d.t.Helper()
	up := d.fullUpload(p, "chunks")
	post := func(path string, form url.Values) answer { return d.post(path, form, p.bearer()) }
	entry := func(name string) string { return string(d.put(p, "", name, "content of "+name).ID) }
	folder := func(name string) string {
		d.post("/file/mkdir", values("path", "/ways/"+name), p.bearer()).want(d.t, 200, api.OK)
		return bare[api.Meta](d.t, d.get("/file/meta", values("path", "/ways/"+name), p.bearer())).ID
	}
	known := d.put(p, "", "known", "known")
	renamed, moved, copied := entry("renamed"), entry("moved"), entry("copied")
	movedFolder, copiedFolder := folder("moved"), folder("copied")
	move := func(id string) func(string, string) answer {
		return func(name, conflict string) answer {
			return post("/file/update", values("op", "1", "id", id, "path", "/", "filename", name, "conflict", conflict))
		}
	}
	duplicate := func(id string) func(string, string) answer {
		return func(name, conflict string) answer {
			return post("/file/copy", values("id", id, "path", "/", "filename", name, "conflict", conflict))
		}
	}
	return []nameWay{
		{"form", false, func(name, conflict string) answer {
			body, kind := rawForm([3]string{"file", name, "form"})
			return send(d.t, "POST", d.url+"/file/upload?conflict="+conflict, body, kind, p.bearer())
		}},
		{"chunks", false, func(name, conflict string) answer {
			return post("/file/mpupload/complete", values("uploadid", up, "filename", name, "path", "/", "conflict", conflict))
		}},
		{"instant", false, func(name, conflict string) answer {
			return post("/file/fastupload", values("filehash", known.Content.Sums.Digest.String(), "filename", name, "conflict", conflict))
		}},
		{"rename", false, func(name, conflict string) answer {
			return post("/file/update", values("op", "0", "id", renamed, "filename", name, "conflict", conflict))
		}},
		{"move", false, move(moved)},
		{"copy", false, duplicate(copied)},
		{"move", true, move(movedFolder)},
		{"copy", true, duplicate(copiedFolder)},
	}
}

// fullUpload starts an upload and sends all of its bytes.
func (d *drive) fullUpload(p person, content string) string {
	d.t.Helper()
	digest := sha1.Sum([]byte(content))
	var up api.Init
	d.post("/file/mpupload/init", values("filehash", hex.EncodeToString(digest[:]), "filesize", strconv.Itoa(len(content)),
		"filename", "announced"), p.bearer()).want(d.t, 200, api.OK, &up)
	send(d.t, "POST", d.url+"/file/mpupload/uppart?"+values("uploadid", up.UploadID, "index", "1").Encode(), content,
		header("Content-Type", "application/octet-stream"), p.bearer()).want(d.t, 200, api.OK)
	return up.UploadID
}

// rawForm writes a multipart form of name, file name and value; a plain field has no file name.
func rawForm(parts ...[3]string) (body string, kind tweak) {
	var out strings.Builder
	for _, part := range parts {
		out.WriteString("--XX\r\nContent-Disposition: form-data; name=\"" + part[0] + "\"")
		if part[1] != "" {
			out.WriteString("; filename=\"" + part[1] + "\"")
		}
		out.WriteString("\r\n\r\n" + part[2] + "\r\n")
	}
	return out.String() + "--XX--\r\n", header("Content-Type", "multipart/form-data; boundary=XX")
}

// TestReplaceAcrossKinds asks on every way for the name of a folder, and for a folder for the name of a file. Replace is
// refused there and costs nothing, fail is as always, and rename finds a free name.
func TestReplaceAcrossKinds(t *testing.T) {
	t.Parallel()
	d := newDrive(t, nil)
	p := d.join("alice")
	ways := d.nameWays(p)
	d.post("/file/mkdir", values("path", "/taken/deep"), p.bearer()).want(t, 200, api.OK)
	d.put(p, "", "plain", "plain")
	before := names(d.query(p, values("path", "/")))
	for _, way := range ways {
		for name, old := range map[string]string{"taken": "folder", "plain": "file"} {
			if old == "file" && !way.folder {
				continue
			}
			env := way.ask(name, "replace").want(t, 409, api.NameTaken)
			if !strings.Contains(env.Msg, "belongs to a "+old) || !strings.Contains(env.Msg, "conflict=rename") {
				t.Errorf("%s onto a %s: %s", way.what, old, env.Msg)
			}
			way.ask(name, "fail").want(t, 409, api.NameTaken)
		}
	}
	if got := names(d.query(p, values("path", "/"))); got != before {
		t.Errorf("after the refusals there is %s, want %s", got, before)
	}
	if got := bare[[]api.QueryEntry](t, d.get("/file/trash", nil, p.bearer())); len(got) != 0 {
		t.Errorf("in the trash: %+v", got)
	}
	for i, way := range ways {
		a := way.ask("taken", "rename")
		if a.status != 200 {
			t.Fatalf("%s with rename: %d %s", way.what, a.status, a.body)
		}
		var m api.Meta
		if err := json.Unmarshal(a.body, &m); err != nil || m.Path == "" { // but for /file/update, in an envelope
			var list []api.Meta
			if env := a.want(t, 200, api.OK); json.Unmarshal(env.Data, &list) == nil {
				m = list[0]
			} else if err := json.Unmarshal(env.Data, &m); err != nil {
				t.Fatal(err)
			}
		}
		if want := "/taken (" + strconv.Itoa(i+2) + ")"; m.Path != want {
			t.Errorf("%s with rename is at %s, want %s", way.what, m.Path, want)
		}
	}
	bare[api.Meta](t, d.get("/file/meta", values("path", "/taken/deep"), p.bearer()))
}

// TestRefusedReplaceKeepsTheUpload: what complete refuses can be completed under another name, or cancelled.
func TestRefusedReplaceKeepsTheUpload(t *testing.T) {
	t.Parallel()
	d := newDrive(t, nil)
	p := d.join("alice")
	d.post("/file/mkdir", values("path", "/taken"), p.bearer()).want(t, 200, api.OK)
	for content, end := range map[string]func(id string){
		"one": func(id string) {
			var m api.Meta
			d.post("/file/mpupload/complete", values("uploadid", id, "filename", "free"), p.bearer()).want(t, 200, api.OK, &m)
			if a := d.get("/file/download", values("id", m.ID), p.bearer()); m.Path != "/free" || string(a.body) != "one" {
				t.Errorf("completed under another name: %+v, %s", m, a.body)
			}
		},
		"two": func(id string) {
			d.post("/file/mpupload/cancel", values("uploadid", id), p.bearer()).want(t, 200, api.OK)
		},
	} {
		id := d.fullUpload(p, content)
		d.post("/file/mpupload/complete", values("uploadid", id, "filename", "taken", "conflict", "replace"), p.bearer()).
			want(t, 409, api.NameTaken)
		d.get("/file/mpupload/status", values("uploadid", id), p.bearer()).want(t, 200, api.OK)
		end(id)
	}
	if got := names(d.query(p, values("path", "/"))); got != "taken free" {
		t.Errorf("there is %s", got)
	}
	var u api.UserInfo
	d.get("/user/info", nil, p.bearer()).want(t, 200, api.OK, &u)
	if u.Used != 3 || u.Reserved != 0 {
		t.Errorf("%d bytes used and %d reserved, want 3 and 0", u.Used, u.Reserved)
	}
}

// TestRestoreAcrossKinds restores under a name that an entry of the other kind has by now: both stay.
func TestRestoreAcrossKinds(t *testing.T) {
	t.Parallel()
	d := newDrive(t, nil)
	p := d.join("alice")
	for name, folderFirst := range map[string]bool{"a": true, "b": false} {
		mkdir := func() { d.post("/file/mkdir", values("path", "/"+name), p.bearer()).want(t, 200, api.OK) }
		put := func() { d.put(p, "", name, "content of "+name) }
		if !folderFirst {
			mkdir, put = put, mkdir
		}
		mkdir()
		old := bare[api.Meta](t, d.get("/file/meta", values("path", "/"+name), p.bearer()))
		d.post("/file/delete", values("id", old.ID), p.bearer()).want(t, 200, api.OK)
		put()
		back := bare[api.Meta](t, d.post("/file/update", values("op", "2", "id", old.ID), p.bearer()))
		if back.Path != "/"+name+" (2)" || back.Kind != old.Kind {
			t.Errorf("the %s came back as %+v", old.Kind, back)
		}
		if now := bare[api.Meta](t, d.get("/file/meta", values("path", "/"+name), p.bearer())); now.Kind == old.Kind {
			t.Errorf("at /%s is a %s", name, now.Kind)
		}
	}
}
