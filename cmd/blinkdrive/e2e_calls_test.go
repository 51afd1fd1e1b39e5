//go:build linux

package main_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/blinkdrive/blinkdrive/handler/api"
	"github.com/blinkdrive/blinkdrive/handler/client"
)

// testClientCalls makes each of the client's calls once, with what it is refused.
func testClientCalls(t *testing.T, bin string) {
	w := newWorld(t, bin)
	c := w.user("alice")
	t.Run("accounts", func(t *testing.T) { testAccounts(t, w, c) })
	t.Run("tree", func(t *testing.T) { testTree(t, c) })
	t.Run("form", func(t *testing.T) { testForm(t, w, c) })
	t.Run("uploads", func(t *testing.T) { testUploads(t, w, c) })
	t.Run("cancelled", func(t *testing.T) { testCancelledCall(t, c) })
	w.fsck()
}

func wantCode(t *testing.T, what string, err error, code api.Code) {
	t.Helper()
	if e, ok := errors.AsType[*client.Error](err); !ok || e.Code != code || e.RequestID == "" {
		t.Errorf("%s: %v; want code %d and a request ID", what, err, code)
	}
}

func testAccounts(t *testing.T, w *world, c *client.Client) {
	ctx := t.Context()
	wantCode(t, "a name that is taken", c.Signup(ctx, "alice", password), api.SignupFailed)
	wantCode(t, "a short password", c.Signup(ctx, "carol", "x"), api.SignupFailed)
	other := c.As("")
	_, err := other.Signin(ctx, "alice", "wrong password")
	wantCode(t, "a wrong password", err, api.SigninFailed)
	in, err := other.Signin(ctx, "alice", password)
	if err != nil || in.Username != "alice" || len(in.Token) != 40 || in.UploadEntry != w.setting.Addr {
		t.Errorf("signed in: %+v, %v", in, err)
	}
	if info, err := other.Info(ctx); err != nil || info.Username != "alice" || info.Quota <= 0 {
		t.Errorf("info: %+v, %v", info, err)
	}
	token := other.Token()
	if err := other.Signout(ctx); err != nil || other.Token() != "" {
		t.Errorf("sign out: %v", err)
	}
	_, err = c.As(token).Info(ctx)
	wantCode(t, "a token after sign-out", err, api.TokenInvalid)
}

func names(t *testing.T, c *client.Client, l client.Listing) []string {
	t.Helper()
	var ns []string
	for e, err := range c.List(t.Context(), l) {
		if err != nil {
			t.Fatal(err)
		}
		ns = append(ns, e.FileName)
	}
	return ns
}

func small(t *testing.T, c *client.Client, folder, name, content string) api.Meta {
	t.Helper()
	target := client.Target{Name: name, Path: folder, Modified: time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC)}
	res, err := c.Upload(t.Context(), strings.NewReader(content), int64(len(content)), client.UploadOptions{Target: target})
	if err != nil {
		t.Fatal(err)
	}
	return res.Meta
}

func testTree(t *testing.T, c *client.Client) {
	ctx := t.Context()
	for range 2 {
		if err := c.Mkdir(ctx, "/a/b"); err != nil {
			t.Fatal(err)
		}
	}
	for _, n := range []string{"1", "2", "3", "4", "5"} {
		m := small(t, c, "/a", n, "content "+n)
		if m.Path != "/a/"+n || m.ModifiedAt != "2001-02-03T04:05:06Z" || m.Kind != "file" {
			t.Errorf("uploaded: %+v", m)
		}
	}
	if got := names(t, c, client.Listing{Path: "/a", Sort: "name", Page: 2}); !slices.Equal(got, []string{"b", "1", "2", "3", "4", "5"}) {
		t.Errorf("listed: %q", got)
	}
	m, err := c.Rename(ctx, client.ByDigest(small(t, c, "/a", "6", "six").FileSha1), "sechs")
	if err != nil || m.FileName != "sechs" || m.Path != "/a/sechs" {
		t.Fatalf("renamed: %+v, %v", m, err)
	}
	_, err = c.Rename(ctx, client.ByID(m.ID), "1")
	wantCode(t, "a name that is taken", err, api.NameTaken)
	if m, err = c.Move(ctx, client.ByID(m.ID), "/a/b", "six"); err != nil || m.Path != "/a/b/six" {
		t.Fatalf("moved: %+v, %v", m, err)
	}
	testTrash(t, c, m)
}

func testTrash(t *testing.T, c *client.Client, m api.Meta) {
	ctx := t.Context()
	r := client.ByID(m.ID)
	if err := c.Delete(ctx, r); err != nil {
		t.Fatal(err)
	}
	_, err := c.Meta(ctx, r)
	wantCode(t, "a deleted file", err, api.NotFound)
	var trash []string
	for e, err := range c.Trash(ctx) {
		if err != nil {
			t.Fatal(err)
		}
		trash = append(trash, e.ID)
	}
	if !slices.Equal(trash, []string{m.ID}) {
		t.Errorf("in the trash: %v", trash)
	}
	if back, err := c.Restore(ctx, r); err != nil || back.Path != m.Path {
		t.Errorf("restored: %+v, %v", back, err)
	}
	if err := c.Delete(ctx, r); err != nil {
		t.Fatal(err)
	}
	if err := c.Purge(ctx, m.ID); err != nil {
		t.Fatal(err)
	}
	_, err = c.Restore(ctx, r)
	wantCode(t, "a purged file", err, api.NotFound)
	if err := c.Purge(ctx, ""); err != nil {
		t.Errorf("emptying an empty trash: %v", err)
	}
	testTrashFolder(t, c)
}

func testTrashFolder(t *testing.T, c *client.Client) {
	ctx := t.Context()
	part, rest := small(t, c, "/deleted/in", "part", "part"), small(t, c, "/deleted/in", "rest", "rest")
	folder, err := c.MetaAt(ctx, "/deleted/in")
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Delete(ctx, client.ByID(folder.ID)); err != nil {
		t.Fatal(err)
	}
	inside := func(want ...string) {
		t.Helper()
		var got []string
		for e, err := range c.TrashFolder(ctx, folder.ID) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, e.Path)
		}
		if !slices.Equal(got, want) {
			t.Errorf("in the deleted folder: %v, want %v", got, want)
		}
	}
	inside("/deleted/in/part", "/deleted/in/rest")
	if back, err := c.Restore(ctx, client.ByID(part.ID)); err != nil || back.Path != "/deleted/in/part" {
		t.Errorf("restored: %+v, %v", back, err)
	}
	inside("/deleted/in/rest")
	if back, err := c.Restore(ctx, client.ByID(folder.ID)); err != nil || back.ID != folder.ID {
		t.Errorf("restored: %+v, %v", back, err)
	}
	inside()
	if m, err := c.Meta(ctx, client.ByID(rest.ID)); err != nil || m.Path != "/deleted/in/rest" {
		t.Errorf("restored with its folder: %+v, %v", m, err)
	}
}

func testForm(t *testing.T, w *world, c *client.Client) {
	ctx := t.Context()
	big := pattern{7, 9*mib + 1}
	when := time.Date(2020, 2, 29, 12, 0, 0, 123456789, time.FixedZone("", 3600))
	ms, err := c.UploadForm(ctx, "/form",
		client.FormFile{Name: "big", Content: io.NewSectionReader(big, 0, big.size), Modified: when},
		client.FormFile{Name: `q"uote.txt`, Content: strings.NewReader("x")},
		client.FormFile{Name: "empty", Content: strings.NewReader("")})
	if err != nil || len(ms) != 3 || ms[0].Path != "/form/big" || ms[0].FileSha1 != big.digest(t) || ms[1].FileName != `q"uote.txt` {
		t.Fatalf("form: %+v, %v", ms, err)
	}
	if ms[0].ModifiedAt != "2020-02-29T11:00:00.123456Z" || ms[1].ModifiedAt != "" {
		t.Errorf("modified %q and %q", ms[0].ModifiedAt, ms[1].ModifiedAt)
	}
	w.wantSame(c, client.ByID(ms[0].ID), big.file(t))
	if r, err := c.Open(ctx, client.ByID(ms[2].ID)); err != nil || r.Size() != 0 {
		t.Errorf("the empty file: %v", err)
	}
	link, err := c.DownloadURL(ctx, client.ByID(ms[1].ID))
	if err != nil {
		t.Fatal(err)
	}
	if status, b := w.getRange(link, "bytes=0-"); status != http.StatusPartialContent || string(b) != "x" {
		t.Errorf("link %s: status %d, %q", link, status, b)
	}
	broken := errors.New("the source broke")
	_, err = c.UploadForm(ctx, "/form", client.FormFile{Name: "whole", Content: strings.NewReader("whole")},
		client.FormFile{Name: "cut", Content: io.MultiReader(strings.NewReader("half"), failing{broken})})
	if !errors.Is(err, broken) {
		t.Errorf("a form that is cut off: %v", err)
	}
	if got := names(t, c, client.Listing{Path: "/form"}); len(got) != 3 {
		t.Errorf("after a form that was cut off: %q", got)
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func testUploads(t *testing.T, w *world, c *client.Client) {
	ctx := t.Context()
	p := pattern{8, 3*mib + 1}
	_, in := initUpload(t, c, p, "u")
	putChunk(t, c, in, p, 2)
	st, err := c.UploadStatus(ctx, in.UploadID)
	if err != nil || st.ChunkCount != 4 || !slices.Equal(st.ChunkExists, []int{2}) || st.CurCount != 1 || st.TotalCount != 4 {
		t.Errorf("status: %+v, %v", st, err)
	}
	all, err := c.Uploads(ctx)
	if err != nil || len(all) != 1 || all[0].UploadID != in.UploadID {
		t.Errorf("all: %+v, %v", all, err)
	}
	err = c.PutChunk(ctx, in.UploadID, 1, p, 0, mib, strings.Repeat("0", 39)+"1")
	wantCode(t, "a chunk with a wrong digest", err, api.DigestMismatch)
	err = c.PutChunk(ctx, in.UploadID, 2, p, 0, mib, "")
	wantCode(t, "other bytes for a held chunk", err, api.Conflict)
	err = w.user("mallory").PutChunk(ctx, in.UploadID, 1, p, 0, mib, "")
	wantCode(t, "somebody else's upload", err, api.NotFound)
	if err := c.Cancel(ctx, in.UploadID); err != nil {
		t.Error(err)
	}
	_, err = c.UploadStatus(ctx, in.UploadID)
	wantCode(t, "a cancelled upload", err, api.NotFound)
	empty, err := c.Upload(ctx, strings.NewReader(""), 0, client.UploadOptions{Target: client.Target{Name: "nothing"}})
	if err != nil || empty.Meta.FileSize != 0 || empty.Meta.FileName != "nothing" {
		t.Errorf("an empty file: %+v, %v", empty, err)
	}
	testAgain(t, c)
}

// testAgain uploads content that the user has under another name.
func testAgain(t *testing.T, c *client.Client) {
	first := small(t, c, "/again", "one", "the same")
	for _, noInstant := range []bool{false, true} {
		res, err := c.Upload(t.Context(), strings.NewReader("the same"), 8, client.UploadOptions{
			Target: client.Target{Name: "two", Path: "/again"}, NoInstant: noInstant,
		})
		if err != nil || !res.Instant || res.Meta.ID == first.ID || res.Meta.Path != "/again/two" {
			t.Errorf("the same content again: %+v, %v", res, err)
		}
	}
}

// testCancelledCall ends an upload in the middle.
func testCancelledCall(t *testing.T, c *client.Client) {
	ctx, cancel := context.WithCancel(t.Context())
	p := pattern{9, 20 * mib}
	g := newGate(p, p.size/2)
	go func() {
		<-g.reached
		cancel()
		g.open <- struct{}{}
	}()
	start := time.Now()
	_, err := c.Upload(ctx, g, p.size, client.UploadOptions{Target: client.Target{Name: "c"}, ChunkSize: mib, Progress: g.watch})
	if !errors.Is(err, context.Canceled) || time.Since(start) > 20*time.Second {
		t.Errorf("after %v: %v", time.Since(start), err)
	}
	res, err := c.Upload(t.Context(), p, p.size, client.UploadOptions{Target: client.Target{Name: "c"}, ChunkSize: mib})
	if err != nil || res.BytesSaved == 0 || res.BytesSent+res.BytesSaved != p.size {
		t.Errorf("taken up again: %+v, %v", res, err)
	}
}
