package handler

import (
	"fmt"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/blinkdrive/blinkdrive/handler/api"
)

// sendForm sends parts, each name, file name and value, as rawForm writes them.
func (d *drive) sendForm(query string, parts [][3]string, tweaks ...tweak) answer {
	d.t.Helper()
	body, kind := rawForm(parts...)
	return send(d.t, "POST", d.url+"/file/upload?"+query, body, append(tweaks, kind)...)
}

func file(name string) [3]string { return [3]string{"file", name, "content of " + name} }

func field(name, value string) [3]string { return [3]string{name, "", value} }

// nothingStored checks that neither an entry nor a staged byte is there.
func (d *drive) nothingStored(p person, what string) {
	d.t.Helper()
	if got := names(d.query(p, nil)); got != "" {
		d.t.Errorf("%s: there is %s", what, got)
	}
	if got := names(d.query(p, values("path", "/"))); got != "" {
		d.t.Errorf("%s: there is the folder %s", what, got)
	}
	for _, dir := range []string{"staging", "blobs"} {
		if left := d.filesBelow(dir); len(left) > 0 {
			d.t.Errorf("%s: %s has %v", what, dir, left)
		}
	}
}

// filesBelow lists the files in a folder of the drive's disk, at whatever depth.
func (d *drive) filesBelow(dir string) (found []string) {
	d.t.Helper()
	folder, err := d.root.Open(dir)
	if os.IsNotExist(err) {
		return nil
	} else if err != nil {
		d.t.Fatal(err)
	}
	defer folder.Close()
	entries, err := folder.ReadDir(-1)
	if err != nil {
		d.t.Fatal(err)
	}
	for _, e := range entries {
		if path := dir + "/" + e.Name(); e.IsDir() {
			found = append(found, d.filesBelow(path)...)
		} else {
			found = append(found, path)
		}
	}
	return found
}

// TestFormFieldsInAnyOrder: fields count before, between and behind the files, and like parameters of the query.
func TestFormFieldsInAnyOrder(t *testing.T) {
	t.Parallel()
	d := newDrive(t, nil)
	p := d.join("alice")
	const when = "2001-02-03T04:05:06Z"
	for i, tt := range []struct {
		query string
		parts [][3]string
		mtime string // of the first file
	}{
		{"", [][3]string{field("path", "/N"), file("a"), file("b")}, ""},
		{"", [][3]string{file("a"), field("path", "/N"), file("b")}, ""},
		{"", [][3]string{file("a"), file("b"), field("path", "/N")}, ""},
		{"", [][3]string{file("a"), field("path", "/N"), file("b"), field("path", "/N")}, ""},
		{"path=/N", [][3]string{file("a"), file("b"), field("path", "/N")}, ""},
		{"path=/N&conflict=fail", [][3]string{field("submit", "OK"), file("a"), field("submit", "Send"), field("conflict", "fail"), file("b"),
			{"empty", "", ""}, field("username", "alice")}, ""},
		{"path=/N", [][3]string{field("mtime", when), file("a"), file("b")}, when},
		{"path=/N", [][3]string{field("mtime", when), field("mtime", "2001-02-03T05:05:06+01:00"), file("a"), file("b"), field("mtime", "")}, when},
		{"path=/N", [][3]string{file("a"), field("mtime", when)}, when},
		{"path=/N", [][3]string{field("mtime", when), file("a"), field("mtime", when)}, when},
		{"path=/N&mtime=" + when, [][3]string{file("a")}, when},
		{"path=/N&mtime=" + when, [][3]string{field("mtime", when), file("a")}, when},
	} {
		folder := fmt.Sprintf("/case %d", i)
		for j, part := range tt.parts {
			tt.parts[j][2] = strings.Replace(part[2], "/N", folder, 1)
		}
		var metas []api.Meta
		query := strings.Replace(tt.query, "/N", url.QueryEscape(folder), 1)
		d.sendForm(query, tt.parts, p.bearer()).want(t, 200, api.OK, &metas)
		for _, m := range metas {
			if m.Path != folder+"/"+m.FileName {
				t.Errorf("case %d: at %s", i, m.Path)
			}
		}
		if metas[0].ModifiedAt != tt.mtime {
			t.Errorf("case %d: modified %q, want %q", i, metas[0].ModifiedAt, tt.mtime)
		}
	}
}

// TestFormConflictField: conflict is obeyed wherever it stands, for all files of the form.
func TestFormConflictField(t *testing.T) {
	t.Parallel()
	d := newDrive(t, nil)
	p := d.join("alice")
	old := d.put(p, "", "a", "old")
	both := func(conflict string) map[string][][3]string {
		return map[string][][3]string{
			"before":  {field("conflict", conflict), file("a"), file("b")},
			"between": {file("b"), field("conflict", conflict), file("a")},
			"behind":  {file("a"), file("b"), field("conflict", conflict)},
		}
	}
	for where, parts := range both("fail") {
		d.sendForm("", parts, p.bearer()).want(t, 409, api.NameTaken)
		if got := names(d.query(p, values("path", "/"))); got != "a" {
			t.Errorf("fail %s: there is %s", where, got)
		}
	}
	for where, parts := range both("replace") {
		d.sendForm("", parts, p.bearer()).want(t, 200, api.OK)
		if got := names(d.query(p, values("path", "/"))); got != "a b" {
			t.Errorf("replace %s: there is %s", where, got)
		}
	}
	if got := bare[[]api.QueryEntry](t, d.get("/file/trash", nil, p.bearer())); len(got) != 1 || got[0].ID != string(old.ID) {
		t.Errorf("in the trash: %+v", got)
	}
}

// TestFormFieldsRefused sends what is wrong, ambiguous or contradictory, before and behind the files: 400, and nothing stays.
func TestFormFieldsRefused(t *testing.T) {
	t.Parallel()
	d := newDrive(t, nil)
	p := d.join("alice")
	const first, second = "2001-01-01T00:00:00Z", "2002-01-01T00:00:00Z"
	for what, tt := range map[string]struct {
		query string
		parts [][3]string
	}{
		"conflict before":       {"", [][3]string{field("conflict", "nonsense"), file("a")}},
		"conflict behind":       {"", [][3]string{file("a"), field("conflict", "nonsense")}},
		"two conflicts":         {"", [][3]string{field("conflict", "fail"), file("a"), field("conflict", "replace")}},
		"conflict, query":       {"conflict=fail", [][3]string{file("a"), field("conflict", "rename")}},
		"path behind":           {"", [][3]string{file("a"), field("path", "/x/../y")}},
		"path not UTF-8":        {"", [][3]string{file("a"), field("path", "/\xff")}},
		"two paths":             {"", [][3]string{field("path", "/x"), file("a"), field("path", "/y")}},
		"two paths before":      {"", [][3]string{field("path", "/x"), field("path", "/y"), file("a")}},
		"path, query":           {"path=/x", [][3]string{file("a"), field("path", "/y")}},
		"mtime behind":          {"", [][3]string{file("a"), field("mtime", "yesterday")}},
		"mtime in the query":    {"mtime=yesterday", [][3]string{file("a")}},
		"mtime behind several":  {"", [][3]string{file("a"), file("b"), field("mtime", first)}},
		"mtime behind each":     {"", [][3]string{file("a"), field("mtime", first), file("b"), field("mtime", second)}},
		"mtime, query, several": {"mtime=" + first, [][3]string{file("a"), file("b")}},
		"two mtimes before":     {"", [][3]string{field("mtime", first), field("mtime", second), file("a")}},
		"two mtimes behind":     {"", [][3]string{file("a"), field("mtime", first), field("mtime", second)}},
		"mtime before, behind":  {"", [][3]string{field("mtime", first), file("a"), field("mtime", second)}},
		"mtime before, query":   {"mtime=" + first, [][3]string{field("mtime", second), file("a")}},
		"long field behind":     {"", [][3]string{file("a"), field("note", strings.Repeat("x", maxField+1))}},
		"no file":               {"", [][3]string{field("path", "/x")}},
		"no part":               {"", nil},
	} {
		for who, tweak := range map[string]tweak{"bearer": p.bearer(), "cookie": p.cookie()} {
			d.sendForm(tt.query, tt.parts, tweak).want(t, 400, api.InvalidUpload)
			d.nothingStored(p, what+" by "+who)
		}
	}
}

// TestFormFolderInTheWay: a folder that turns out to be a file is found before the files where it is known, else behind them.
func TestFormFolderInTheWay(t *testing.T) {
	t.Parallel()
	d := newDrive(t, nil)
	p := d.join("alice")
	d.put(p, "", "plain", "plain")
	for _, parts := range [][][3]string{{field("path", "/plain"), file("a")}, {file("a"), field("path", "/plain/deep")}} {
		d.sendForm("", parts, p.bearer()).want(t, 409, api.InTheWay)
	}
	if got := names(d.query(p, nil)); got != "plain" {
		t.Errorf("there is %s", got)
	}
}

// TestFormCredentials: username and token may be fields, before the first file.
func TestFormCredentials(t *testing.T) {
	t.Parallel()
	d := newDrive(t, nil)
	p, bob := d.join("alice"), d.join("bob")
	user, token := field("username", p.name), field("token", p.token)
	d.sendForm("", [][3]string{user, field("path", "/docs"), token, file("a")}).want(t, 200, api.OK)
	d.sendForm("username=alice", [][3]string{token, file("b"), field("path", "/docs")}).want(t, 200, api.OK)
	// A token of one's own counts before the cookie, as on every endpoint.
	d.sendForm("", [][3]string{user, token, file("c"), field("path", "/docs")}, bob.cookie()).want(t, 200, api.OK)
	d.sendForm("", [][3]string{user, token, file("d"), token, field("path", "/docs")}).want(t, 200, api.OK)
	if got := names(d.query(p, values("path", "/docs"))); got != "a b c d" {
		t.Errorf("alice has %s", got)
	}
	for what, parts := range map[string][][3]string{
		"behind the file":  {file("x"), user, token},
		"around the file":  {user, file("x"), token},
		"no user":          {token, file("x")},
		"another's token":  {user, field("token", bob.token), file("x")},
		"a dead token":     {user, field("token", strings.Repeat("0", 40)), file("x")},
		"nothing":          {file("x")},
		"no file, no user": {field("path", "/x")},
	} {
		env := d.sendForm("", parts).want(t, 401, api.TokenInvalid)
		if said := strings.Contains(env.Msg, "before the first file"); said != (what == "behind the file" || what == "around the file" || what == "nothing") {
			t.Errorf("%s: %s", what, env.Msg)
		}
	}
	for what, parts := range map[string][][3]string{
		"another token behind": {user, token, file("x"), field("token", bob.token)},
		"two tokens":           {user, token, field("token", bob.token), file("x")},
	} {
		a := d.sendForm("", parts)
		if a.want(t, 400, api.InvalidUpload); strings.Contains(string(a.body), bob.token) {
			t.Errorf("%s: the answer has the token: %s", what, a.body)
		}
	}
	d.sendForm("", [][3]string{file("x"), user, token}, bob.cookie()).want(t, 400, api.InvalidUpload)
	d.sendForm("username=alice&token="+p.token, [][3]string{field("token", bob.token), file("x")}).want(t, 400, api.InvalidUpload)
	if got := d.query(bob, nil); len(got) > 0 {
		t.Errorf("bob has %s", names(got))
	}
	if got := names(d.query(p, values("path", "/"))); got != "docs" {
		t.Errorf("in alice's root: %s", got)
	}
	for _, secret := range []string{p.token, bob.token} {
		if strings.Contains(d.logs.String(), secret) {
			t.Error("a token is in the log")
		}
	}
}

// TestFormOfUnknownCaller: what comes before the credentials is bounded, however it is cut.
func TestFormOfUnknownCaller(t *testing.T) {
	t.Parallel()
	d := newDrive(t, nil)
	p := d.join("alice")
	var many [][3]string
	for range 40 {
		many = append(many, field("note", strings.Repeat("x", maxField)))
	}
	tiny := make([][3]string, 60_000)
	for i := range tiny {
		tiny[i] = field("n", "")
	}
	for what, parts := range map[string][][3]string{"long fields": many, "many fields": tiny} {
		a := d.sendForm("", append(parts, field("username", p.name), field("token", p.token), file("x")))
		if a.status != 413 {
			t.Errorf("%s: %d %s", what, a.status, a.body)
		}
	}
	long := [][3]string{field("username", p.name), field("token", p.token), {"file", "big", strings.Repeat("y", 3*maxForm)}}
	d.sendForm("", long).want(t, 200, api.OK)
	body, kind := rawForm(field("username", p.name), field("token", p.token))
	send(t, "POST", d.url+"/file/upload", body[:len(body)-20], kind).want(t, 400, api.CutOff)
	send(t, "POST", d.url+"/file/upload", "a=b").want(t, 401, api.TokenInvalid)
	send(t, "POST", d.url+"/file/upload", "a=b", p.bearer()).want(t, 400, api.InvalidUpload)
}

// TestBodiesThatAreNoForm: parameters in JSON, and compressed bodies, are refused and not taken for none.
func TestBodiesThatAreNoForm(t *testing.T) {
	t.Parallel()
	d := newDrive(t, nil)
	p := d.join("alice")
	const json = "application/json; charset=utf-8"
	env := send(t, "POST", d.url+"/user/signup", `{"username":"carol","password":"correct horse"}`, header("Content-Type", json)).
		want(t, 400, api.InvalidParam)
	if !strings.Contains(env.Msg, "form") {
		t.Error(env.Msg)
	}
	send(t, "POST", d.url+"/file/mkdir?path=/x", `{"path":"/y"}`, header("Content-Type", "application/ld+json"), p.bearer()).
		want(t, 400, api.InvalidParam)
	send(t, "POST", d.url+"/user/info", "", header("Content-Type", json), p.bearer()).want(t, 200, api.OK)
	gzip := header("Content-Encoding", "gzip")
	d.post("/file/mkdir", values("path", "/x"), gzip, p.bearer()).want(t, 400, api.InvalidParam)
	d.sendForm("", [][3]string{file("a")}, gzip, p.bearer()).want(t, 400, api.InvalidUpload)
	send(t, "POST", d.url+"/file/mpupload/uppart?uploadid=x&index=1", "zipped", gzip, p.bearer()).want(t, 400, api.InvalidUpload)
	d.post("/file/mkdir", values("path", "/x"), header("Content-Encoding", "identity"), p.bearer()).want(t, 200, api.OK)
}
