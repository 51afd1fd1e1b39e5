package service_test

import (
	"io"
	"testing"

	"github.com/blinkdrive/blinkdrive/service"
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
