package service_test

import (
	"bytes"
	"context"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/blinkdrive/blinkdrive/service"
	"github.com/blinkdrive/blinkdrive/store"
)

func TestDownloadBelongsToItsUser(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	e, data := d.file(1000)
	bob := d.newUser("bob")
	s := d.downloads()
	for what, ref := range map[string]service.Ref{
		"by ID": {ID: e.ID}, "by digest": {Digest: e.Content.Sums.Digest}, "unknown": {Digest: store.Digest{1}},
	} {
		if _, err := s.Open(t.Context(), bob.ID, ref); service.KindOf(err) != service.NotFound {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := s.Open(t.Context(), d.user.ID, service.Ref{}); service.KindOf(err) != service.Invalid {
		t.Errorf("nothing named: %v", err)
	}
	folder, err := d.db.MakeFolder(t.Context(), d.user.ID, store.Path{"a"}, d.clock.Now())
	d.ok(err)
	if _, err := s.Open(t.Context(), d.user.ID, service.Ref{ID: folder}); service.KindOf(err) != service.Invalid {
		t.Errorf("folder: %v", err)
	}
	d.reads(e, data)
	d.ok(d.db.Trash(t.Context(), d.user.ID, e.ID, 0, d.clock.Now()))
	if _, err := s.Open(t.Context(), d.user.ID, service.Ref{ID: e.ID}); service.KindOf(err) != service.NotFound {
		t.Errorf("in the trash: %v", err)
	}
}

// A reader that has a blob open reads it whole, whatever happens to its name.
func TestReaderOutlivesTheBlob(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	e, data := d.file(500_000)
	open := func() *service.Download {
		down, err := d.downloads().Open(t.Context(), d.user.ID, service.Ref{ID: e.ID})
		d.ok(err)
		t.Cleanup(func() { down.Close() })
		return down
	}
	first := open()
	d.ok(d.transfers().Handle(t.Context(), e.Content.Sums.Digest))
	d.sweep(afterGrace)
	d.holds(0, 1, 0)
	second := open()
	d.purge(e)
	d.sweep(afterGrace)
	d.sweep(0)
	d.holds(0, 0, 0)
	for _, down := range []*service.Download{first, second} {
		if got, err := io.ReadAll(down.Blob); err != nil || !bytes.Equal(got, data) {
			t.Errorf("read %d bytes of %d, %v", len(got), len(data), err)
		}
	}
}

// staleOnce answers the first question for an entry as it was.
type staleOnce struct {
	store.Entries
	was *store.Entry
}

func (s *staleOnce) Entry(ctx context.Context, user store.UserID, id store.EntryID) (store.Entry, error) {
	if e := s.was; e != nil {
		s.was = nil
		return *e, nil
	}
	return s.Entries.Entry(ctx, user, id)
}

func TestDownloadFindsABlobThatHasMoved(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	e, data := d.file(1000)
	d.ok(d.transfers().Handle(t.Context(), e.Content.Sums.Digest))
	d.sweep(afterGrace)
	s := d.downloads()
	s.Entries = &staleOnce{d.db, &e}
	down, err := s.Open(t.Context(), d.user.ID, service.Ref{ID: e.ID})
	d.ok(err)
	defer down.Close()
	if got, err := io.ReadAll(down.Blob); err != nil || !bytes.Equal(got, data) {
		t.Errorf("read %d bytes of %d, %v", len(got), len(data), err)
	}
	d.purge(e)
	s.Entries = &staleOnce{d.db, &e}
	if _, err := s.Open(t.Context(), d.user.ID, service.Ref{ID: e.ID}); service.KindOf(err) != service.NotFound {
		t.Errorf("deleted meanwhile: %v", err)
	}
}

func TestDownloadOfWhatIsNotThere(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	gone, _ := d.file(1000)
	d.ok(os.Remove(d.path(gone.Content.Location)))
	short, _ := d.file(1000)
	d.ok(os.Chmod(d.path(short.Content.Location), 0o600))
	d.ok(os.Truncate(d.path(short.Content.Location), 999))
	marked, _ := d.file(1000)
	d.ok(d.db.MarkContent(t.Context(), marked.Content.Sums.Digest, marked.Content.Location, store.ContentDamaged, d.clock.Now()))
	for _, tt := range []struct {
		what string
		e    store.Entry
		want service.Kind
	}{{"gone", gone, service.Unavailable}, {"cut short", short, service.Damaged}, {"marked", marked, service.Damaged}} {
		if _, err := d.downloads().Open(t.Context(), d.user.ID, service.Ref{ID: tt.e.ID}); service.KindOf(err) != tt.want {
			t.Errorf("%s: %v", tt.what, err)
		}
	}
	d.places.Node = "n2"
	d.places.Local = nil
	if _, err := d.downloads().Open(t.Context(), d.user.ID, service.Ref{ID: gone.ID}); service.KindOf(err) != service.Unavailable {
		t.Errorf("another node's: %v", err)
	}
}

func TestLinks(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	e, _ := d.file(1000)
	s := d.downloads()
	link := s.Link(d.user, e, s.DefaultLinkEnd())
	opens := func(query string) service.Kind {
		down, err := s.OpenLink(context.Background(), query)
		if err == nil {
			down.Close()
			return -1
		}
		return service.KindOf(err)
	}
	if k := opens(link); k != -1 {
		t.Fatalf("a good link: %v", k)
	}
	if k := opens(strings.Replace(link, "alice", "malice", 1)); k != service.Forbidden {
		t.Errorf("a changed link: %v", k)
	}
	status := func(u store.UserStatus) { d.ok(d.db.UpdateUser(t.Context(), d.user.ID, store.UserChange{Status: &u})) }
	status(store.UserDisabled)
	if k := opens(link); k != service.NotFound {
		t.Errorf("of a disabled user: %v", k)
	}
	status(store.UserActive)
	d.clock.Advance(59 * time.Minute)
	if k := opens(link); k != -1 {
		t.Errorf("before its end: %v", k)
	}
	d.clock.Advance(2 * time.Minute)
	if k := opens(link); k != service.Forbidden {
		t.Errorf("expired: %v", k)
	}
	link = s.Link(d.user, e, s.DefaultLinkEnd())
	d.ok(d.db.Trash(t.Context(), d.user.ID, e.ID, 0, d.clock.Now()))
	if k := opens(link); k != service.NotFound {
		t.Errorf("in the trash: %v", k)
	}
	bob := d.newUser("bob")
	if _, err := s.Find(t.Context(), bob.ID, service.Ref{ID: e.ID}); service.KindOf(err) != service.NotFound {
		t.Errorf("a link to another's file: %v", err)
	}
}

func TestLinkEnd(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	s := d.downloads()
	short := d.downloads()
	short.MaxLinkTTL = time.Hour
	for _, tt := range []struct {
		what string
		s    *service.Downloads
		life time.Duration
		good bool
	}{
		{"none", s, 0, false},
		{"negative", s, -time.Hour, false},
		{"a second short of a minute", s, 59 * time.Second, false},
		{"a minute", s, time.Minute, true},
		{"a week", s, 168 * time.Hour, true},
		{"a second more", s, 168*time.Hour + time.Second, false},
		{"all that is configured", short, time.Hour, true},
		{"more", short, time.Hour + time.Second, false},
	} {
		until, err := tt.s.LinkEnd(tt.life)
		switch {
		case tt.good && (err != nil || until.Sub(d.clock.Now()) != tt.life):
			t.Errorf("%s: %v, %v", tt.what, until, err)
		case !tt.good && service.KindOf(err) != service.Invalid:
			t.Errorf("%s: %v, %v", tt.what, until, err)
		}
	}
}
