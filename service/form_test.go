package service_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/blinkdrive/blinkdrive/service"
	"github.com/blinkdrive/blinkdrive/store"
	"github.com/blinkdrive/blinkdrive/store/storetest"
)

// Forms that are under way at the same time share what their user may still store.
func TestFormsShareTheQuota(t *testing.T) {
	t.Parallel()
	g := newUploadRig(t)
	first := g.newForm()
	if err := first.Add(t.Context(), "a", io.LimitReader(zeros{}, testQuota*3/4)); err != nil {
		t.Fatal(err)
	}
	second := g.newForm()
	err := second.Add(t.Context(), "b", io.LimitReader(zeros{}, testQuota/2))
	wantKind(t, "a form beside another", err, service.QuotaExceeded)
	if err := second.Close(); err != nil {
		t.Fatal(err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	third := g.newForm()
	defer third.Close()
	if err := third.Add(t.Context(), "c", io.LimitReader(zeros{}, testQuota)); err != nil {
		t.Errorf("a form after the others have gone: %v", err)
	}
	if _, err := third.Commit(t.Context()); err != nil {
		t.Error(err)
	}
	if u := g.reload(g.user); u.Used != testQuota || u.Reserved != 0 {
		t.Errorf("used %d, reserved %d", u.Used, u.Reserved)
	}
	g.leftNothing()
}

func (g *uploadRig) newForm() *service.Form {
	g.t.Helper()
	f, err := g.uploads.NewForm(g.t.Context(), g.reload(g.user), "", "")
	if err != nil {
		g.t.Fatal(err)
	}
	return f
}

// A form whose first file has a bad name has brought nothing yet.
func TestFormWithoutBytes(t *testing.T) {
	t.Parallel()
	g := newUploadRig(t)
	f := g.newForm()
	wantKind(t, "a bad name", f.Add(t.Context(), "..", zeros{}), service.Invalid)
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	g.leftNothing()
}

func TestForm(t *testing.T) {
	t.Parallel()
	g := newUploadRig(t)
	form, err := g.uploads.NewForm(t.Context(), g.user, "/new/folder", "")
	if err != nil {
		t.Fatal(err)
	}
	bodies := [][]byte{storetest.Bytes(13, 1<<20+1), nil, storetest.Bytes(14, 10)}
	when := time.Date(2020, 2, 29, 12, 0, 0, 0, time.UTC)
	for i, b := range bodies {
		if i == 1 {
			form.Modified = when
		}
		if err := form.Add(t.Context(), []string{"a", "b", "a"}[i], bytes.NewReader(b)); err != nil {
			t.Fatal(err)
		}
	}
	entries, err := form.Commit(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for i, e := range entries {
		g.holds(e, bodies[i])
	}
	for i, want := range []time.Time{{}, when, {}} { // each time is for one file
		if got := entries[i].Modified; !got.Equal(want) {
			t.Errorf("file %d was modified %v, want %v", i, got, want)
		}
	}
	if entries[2].Name != "a (2)" {
		t.Errorf("the second a is called %q", entries[2].Name)
	}
	if u := g.reload(g.user); u.Used != 1<<20+11 {
		t.Errorf("used %d", u.Used)
	}
	g.leftNothing()
}

func TestFormLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	for what, c := range map[string]struct {
		name string
		body io.Reader
		kind service.Kind
	}{
		"cut off":    {"b", io.MultiReader(strings.NewReader("abc"), cut{}), service.CutOff},
		"over quota": {"b", io.LimitReader(zeros{}, testQuota), service.QuotaExceeded},
		"bad name":   {"..", strings.NewReader("abc"), service.Invalid},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			g := newUploadRig(t)
			form, err := g.uploads.NewForm(t.Context(), g.user, "/new/folder", "")
			if err != nil {
				t.Fatal(err)
			}
			if err := form.Add(t.Context(), "a", strings.NewReader("whole")); err != nil {
				t.Fatal(err)
			}
			wantKind(t, what, form.Add(t.Context(), c.name, c.body), c.kind)
			if err := form.Close(); err != nil {
				t.Error(err)
			}
			g.leftNothing()
			if list, _, err := g.db.List(t.Context(), store.Query{User: g.user.ID, Files: true, Sort: store.Newest, Limit: 5}); err != nil || len(list) != 0 {
				t.Errorf("%d files, %v", len(list), err)
			}
			if _, err := g.db.EntryAt(t.Context(), g.user.ID, store.Path{"new"}); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("the folder of a form that failed: %v", err)
			}
		})
	}
}

// A form for a folder that cannot be made is refused before its first byte.
func TestFormBelowAFile(t *testing.T) {
	t.Parallel()
	g := newUploadRig(t)
	form := g.newForm()
	defer form.Close()
	if err := form.Add(t.Context(), "a", strings.NewReader("whole")); err != nil {
		t.Fatal(err)
	}
	if _, err := form.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/a", "/a/b"} {
		_, err := g.uploads.NewForm(t.Context(), g.user, path, "")
		wantKind(t, path, err, service.InTheWay)
	}
	_, err := g.uploads.NewForm(t.Context(), g.user, "/../a", "")
	wantKind(t, "a bad path", err, service.Invalid)
}

type cut struct{}

func (cut) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// A form follows the folder that it began with, also if that is renamed or moved meanwhile.
func TestFormFollowsItsFolder(t *testing.T) {
	t.Parallel()
	for what, c := range map[string]struct {
		path   string
		change func(g *uploadRig, docs store.EntryID) error
		want   string
	}{
		"renamed": {"/docs", renameTo("new"), "/new/f"},
		"below":   {"/docs/sub/deep", renameTo("new"), "/new/sub/deep/f"},
		"trashed": {"/docs", func(g *uploadRig, docs store.EntryID) error {
			return g.db.Trash(g.t.Context(), g.user.ID, docs, 0, time.Now())
		}, "/docs/f"},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			g := newUploadRig(t)
			docs, err := g.db.MakeFolder(t.Context(), g.user.ID, store.Path{"docs"}, time.Now())
			if err != nil {
				t.Fatal(err)
			}
			form, err := g.uploads.NewForm(t.Context(), g.user, c.path, "")
			if err != nil {
				t.Fatal(err)
			}
			if err := form.Add(t.Context(), "f", strings.NewReader("content")); err != nil {
				t.Fatal(err)
			}
			if err := c.change(g, docs); err != nil {
				t.Fatal(err)
			}
			if err := form.Retarget(c.path, ""); err != nil { // as the handler does, also if no field named another path
				t.Fatal(err)
			}
			if _, err := form.Commit(t.Context()); err != nil {
				t.Fatal(err)
			}
			g.wantFiles(c.want)
		})
	}
}

func renameTo(name string) func(*uploadRig, store.EntryID) error {
	return func(g *uploadRig, id store.EntryID) error {
		_, err := g.db.Move(g.t.Context(), g.user.ID, id, store.NewPlace{Name: name, When: time.Now()})
		return err
	}
}

// A form that is refused at its end leaves no folder behind.
func TestRefusedFormCreatesNoFolder(t *testing.T) {
	t.Parallel()
	g := newUploadRig(t)
	form, err := g.uploads.NewForm(t.Context(), g.user, "/new/folder", store.ClashFail)
	if err != nil {
		t.Fatal(err)
	}
	defer form.Close()
	for _, body := range []string{"one", "another"} {
		if err := form.Add(t.Context(), "same name", strings.NewReader(body)); err != nil {
			t.Fatal(err)
		}
	}
	_, err = form.Commit(t.Context())
	wantKind(t, "two files of one name", err, service.NameTaken)
	if e, err := g.db.EntryAt(t.Context(), g.user.ID, store.Path{"new"}); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("the folder is there: %+v, %v", e, err)
	}
}
