package handler

import (
	"crypto/sha1"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/blinkdrive/blinkdrive/handler/api"
	"github.com/blinkdrive/blinkdrive/service"
)

// newContent returns random bytes, the same for the same seed, and their digest.
func newContent(seed byte, size int) (content, digest string) {
	b := make([]byte, size)
	rand.NewChaCha8([32]byte{seed}).Read(b)
	return string(b), sha1Hex(string(b))
}

func sha1Hex(content string) string { return fmt.Sprintf("%x", sha1.Sum([]byte(content))) }

// A chunkUpload sends a content in chunks of the smallest size.
type chunkUpload struct {
	*drive
	p       person
	id      string
	content string
}

// begin announces a content under a name, with more parameters as in values.
func (d *drive) begin(p person, content, name string, more ...string) *chunkUpload {
	d.t.Helper()
	form := values(append([]string{"filename", name, "filehash", sha1Hex(content), "filesize", strconv.Itoa(len(content)),
		"chunksize", strconv.Itoa(service.MinChunkSize)}, more...)...)
	var in api.Init
	d.post("/file/mpupload/init", form, p.bearer()).want(d.t, http.StatusOK, api.OK, &in)
	return &chunkUpload{d, p, in.UploadID, content}
}

// put sends bytes as a chunk.
func (u *chunkUpload) put(index int, body string, more ...string) answer {
	u.t.Helper()
	query := values(append([]string{"uploadid", u.id, "index", strconv.Itoa(index)}, more...)...)
	return send(u.t, "POST", u.url+"/file/mpupload/uppart?"+query.Encode(), body, u.p.bearer())
}

// chunk returns the bytes of a chunk.
func (u *chunkUpload) chunk(index int) string {
	return u.content[(index-1)*service.MinChunkSize : min(index*service.MinChunkSize, len(u.content))]
}

func (u *chunkUpload) complete(more ...string) answer {
	u.t.Helper()
	return u.post("/file/mpupload/complete", values(append([]string{"uploadid", u.id}, more...)...), u.p.bearer())
}

// TestChunkedUpload takes an upload through what can be refused to what is accepted.
func TestChunkedUpload(t *testing.T) {
	t.Parallel()
	d := newDrive(t, nil)
	p := d.join("alice")
	content, digest := newContent(1, 300<<10)
	u := d.begin(p, content, "a.bin")

	var missing api.Missing
	u.complete().want(t, 409, api.ChunksMissing, &missing)
	if !slices.Equal(missing.Missing, []int{1, 2}) {
		t.Errorf("missing %v", missing.Missing)
	}
	u.put(3, "x").want(t, 400, api.InvalidUpload)
	u.put(1, "x").want(t, 400, api.InvalidUpload)
	u.put(1, u.chunk(1), "chkhash", sha1Hex("x")).want(t, 422, api.DigestMismatch)
	for range 2 {
		u.put(1, u.chunk(1), "chunkSha1", sha1Hex(u.chunk(1))).want(t, 200, api.OK)
	}
	u.put(1, strings.Repeat("x", service.MinChunkSize)).want(t, 409, api.Conflict)

	// A wrong chunk that came without a digest is found by complete.
	u.put(2, strings.Repeat("x", len(u.chunk(2)))).want(t, 200, api.OK)
	var bad api.Bad
	u.complete("chunkhashes", sha1Hex(u.chunk(1))+","+sha1Hex(u.chunk(2))).want(t, 422, api.DigestMismatch, &bad)
	if !slices.Equal(bad.Bad, []int{2}) {
		t.Errorf("bad %v", bad.Bad)
	}
	var st api.UploadStatus
	d.post("/file/mpupload/status", values("uploadid", u.id), p.bearer()).want(t, 200, api.OK, &st)
	if !slices.Equal(st.ChunkExists, []int{1}) {
		t.Errorf("held %v", st.ChunkExists)
	}
	u.put(2, u.chunk(2)).want(t, 200, api.OK)

	var first, again api.Meta
	u.complete("filehash", digest, "filesize", strconv.Itoa(len(content))).want(t, 200, api.OK, &first)
	u.complete().want(t, 200, api.OK, &again)
	if first.ID != again.ID || first.FileSha1 != digest || first.Path != "/a.bin" {
		t.Errorf("complete: %+v, then %+v", first, again)
	}
	d.post("/file/mpupload/cancel", values("uploadid", u.id), p.bearer()).want(t, 409, api.Conflict)
	d.post("/file/delete", values("id", first.ID), p.bearer()).want(t, 200, api.OK)
	if env := u.complete().want(t, 200, api.OK); env.Data != nil {
		t.Errorf("complete of a deleted file: %s", env.Data)
	}
}

// TestOneUploadForTwoTargets brings one content to two folders, as two tabs of a browser do.
func TestOneUploadForTwoTargets(t *testing.T) {
	t.Parallel()
	d := newDrive(t, nil)
	p := d.join("alice")
	content, _ := newContent(4, 1000)
	a := d.begin(p, content, "x.bin", "path", "/A")
	b := d.begin(p, content, "x.bin", "path", "/B")
	if a.id != b.id {
		t.Fatalf("two uploads: %s and %s", a.id, b.id)
	}
	a.put(1, content).want(t, 200, api.OK)
	ids := map[string]string{}
	for range 2 {
		for path, modified := range map[string]string{"/A/x.bin": "2001-02-03T04:05:06Z", "/B/x.bin": "2002-02-03T04:05:06Z"} {
			var m api.Meta
			a.complete("filename", "x.bin", "path", path[:2], "mtime", modified).want(t, 200, api.OK, &m)
			if m.Path != path || m.ModifiedAt != modified || ids[path] != "" && ids[path] != m.ID {
				t.Errorf("complete as %s: %+v", path, m)
			}
			ids[path] = m.ID
		}
	}
	if ids["/A/x.bin"] == ids["/B/x.bin"] {
		t.Error("both have one entry")
	}
	a.complete("filename", "y.bin", "mtime", "yesterday").want(t, 400, api.InvalidUpload)
	for _, id := range ids {
		d.post("/file/delete", values("id", id), p.bearer()).want(t, 200, api.OK)
		d.post("/file/purge", values("id", id), p.bearer()).want(t, 200, api.OK)
	}
	a.complete("filename", "y.bin").want(t, 404, api.NotFound)
}

// TestUploadRefusals has the refusals that come before and behind the bytes.
func TestUploadRefusals(t *testing.T) {
	t.Parallel()
	d := newDrive(t, func(s *Server) { s.Uploads.MaxOpen = 3 })
	p := d.join("alice")
	old := d.put(p, "", "old.bin", story)
	content, digest := newContent(2, 1000)
	init := func(status int, code api.Code, form url.Values, data ...any) {
		t.Helper()
		d.post("/file/mpupload/init", form, p.bearer()).want(t, status, code, data...)
	}
	init(409, api.AlreadyHave, values("filehash", old.Content.Sums.Digest.String(), "filesize", strconv.Itoa(len(story))))
	init(409, api.InTheWay, values("filesize", "1", "filename", "x", "path", "/old.bin/below"))
	init(507, api.QuotaExceeded, values("filesize", strconv.Itoa(2<<30)))
	init(413, api.TooLarge, values("filesize", strconv.Itoa(2<<40)))

	u := d.begin(p, content, "old.bin")
	init(409, api.Conflict, values("filehash", digest, "filesize", "999"))
	var unnamed api.Init // its digest turns out to be that of the other one
	init(200, api.OK, values("filesize", "1000"), &unnamed)
	var other api.Other
	init(409, api.Conflict, values("uploadid", unnamed.UploadID, "filehash", digest), &other)
	if other.UploadID != u.id {
		t.Errorf("the other upload is %s, not %s", other.UploadID, u.id)
	}
	d.begin(p, "x", "third.bin")
	init(429, api.TooMany, values("filesize", "1"))

	u.put(1, content).want(t, 200, api.OK)
	u.complete("conflict", "fail").want(t, 409, api.NameTaken)
	u.complete("path", "/old.bin").want(t, 409, api.InTheWay)
	for range 2 {
		d.post("/file/mpupload/cancel", values("uploadid", u.id), p.bearer()).want(t, 200, api.OK)
	}
	u.complete().want(t, 404, api.NotFound)

	body, kind := formOf(t, [2]string{"old.bin", "new"})
	form := func(query string, status int, more ...tweak) answer {
		t.Helper()
		a := send(t, "POST", d.url+"/file/upload?"+query, body, append(more, kind, p.bearer())...)
		if a.status != status {
			t.Errorf("form with %s: %d %s", query, a.status, a.body)
		}
		return a
	}
	form("conflict=fail", 409).want(t, 409, api.NameTaken)
	form("path=/old.bin", 409).want(t, 409, api.InTheWay)
	form("", http.StatusFound, header("Accept", "text/html"))
	if err := d.Accounts.SetQuota(t.Context(), "alice", 1); err != nil {
		t.Fatal(err)
	}
	form("", 507).want(t, 507, api.QuotaExceeded)
}

// TestInstantUploadAnswers has the three answers of an instant upload that are none of an error, and the refusals.
func TestInstantUploadAnswers(t *testing.T) {
	t.Parallel()
	d := newDrive(t, func(s *Server) { s.Instant.Throttle = &service.Throttle{Limit: 1} })
	alice, bob := d.join("alice"), d.join("bob")
	e := d.put(alice, "", "a.bin", story)
	ask := func(p person, more ...string) answer {
		t.Helper()
		form := values(append([]string{"filehash", e.Content.Sums.Digest.String(), "filesize", strconv.Itoa(len(story)),
			"filename", "b.bin"}, more...)...)
		return d.post("/file/fastupload", form, p.bearer())
	}
	var m api.Meta
	ask(alice).want(t, 200, api.OK, &m)
	if m.Path != "/b.bin" {
		t.Errorf("alice's own content: %+v", m)
	}
	d.put(alice, "", "taken.bin", "other")
	ask(alice, "filename", "taken.bin", "conflict", "fail").want(t, 409, api.NameTaken)
	ask(alice, "path", "/a.bin").want(t, 409, api.InTheWay)
	var ch api.Challenge
	ask(bob).want(t, 200, api.ProofNeeded, &ch)
	if len(ch.Ranges) != 1 || ch.Ranges[0].Length != int64(len(story)) {
		t.Errorf("ranges %v", ch.Ranges)
	}
	wrong := strings.Repeat("0", 64)
	ask(bob, "challenge", ch.Challenge, "proof", wrong).want(t, 200, api.InvalidUpload)
	ask(bob).want(t, 200, api.ProofNeeded, &ch)
	if a := ask(bob, "challenge", ch.Challenge, "proof", wrong); a.header.Get("Retry-After") == "" {
		t.Errorf("no Retry-After: %v", a.header)
	} else {
		a.want(t, 429, api.TooMany)
	}
	if err := d.Accounts.SetQuota(t.Context(), "alice", 1); err != nil {
		t.Fatal(err)
	}
	ask(alice, "filename", "c.bin").want(t, 507, api.QuotaExceeded)
}
