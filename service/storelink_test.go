package service_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/blinkdrive/blinkdrive/service"
	"github.com/blinkdrive/blinkdrive/store"
)

func (s *partsStore) Link(_ context.Context, name store.BlobName, disposition, mediaType string, ttl time.Duration) (string, error) {
	return strings.Join([]string{"https://store", string(name), disposition, mediaType, ttl.String()}, "/"), s.failing
}

func TestStoreLinks(t *testing.T) {
	t.Parallel()
	d, parts := withParts(t)
	local, _ := d.file(10)
	moved, _ := d.file(10)
	bad, _ := d.file(10)
	for _, e := range []*store.Entry{&moved, &bad} {
		d.ok(d.transfers().Handle(t.Context(), e.Content.Sums.Digest))
		if *e = *d.entry(*e); e == &bad {
			d.ok(d.db.MarkContent(t.Context(), e.Content.Sums.Digest, e.Content.Location, store.ContentDamaged, d.clock.Now()))
			*e = *d.entry(*e)
		}
	}
	name := string(moved.Content.Location.Name())
	how := service.Presentation{Disposition: "attachment", MediaType: "image/png"}
	with := func(redirect bool, ttl time.Duration, blobs store.Blobs) *service.Downloads {
		s := d.downloads()
		s.Redirect, s.LinkTTL = redirect, ttl
		s.Places.Objects = map[store.Kind]store.Blobs{store.Ceph: blobs}
		return s
	}
	tests := []struct {
		what        string
		s           *service.Downloads
		e           store.Entry
		link, redir string
		kind        service.Kind
	}{
		{"moved", with(true, 0, parts), moved,
			"https://store/" + name + "/attachment/image/png/1h0m0s", "https://store/" + name + "/attachment/image/png/5m0s", -1},
		{"a life as long as can be", with(true, 168*time.Hour, parts), moved,
			"https://store/" + name + "/attachment/image/png/168h0m0s", "https://store/" + name + "/attachment/image/png/5m0s", -1},
		{"a life that is too long for the store", with(true, 1000*time.Hour, parts), moved, "", "https://store/" + name + "/attachment/image/png/5m0s", -1},
		{"not the policy", with(false, 0, parts), moved, "", "", -1},
		{"on the node's disk", with(true, 0, parts), local, "", "", -1},
		{"no store that links", with(true, 0, struct{ store.Blobs }{parts}), moved, "", "", -1},
		{"another bucket", with(true, 0, nil), moved, "", "", service.Unavailable},
		{"damaged", with(true, 0, parts), bad, "", "", service.Damaged},
	}
	for _, tt := range tests {
		link, err := tt.s.StoreLink(t.Context(), tt.e, how, tt.s.DefaultLinkEnd())
		redir, err2 := tt.s.Redirection(t.Context(), tt.e, how)
		for _, err := range []error{err, err2} {
			if k := service.KindOf(err); err == nil && tt.kind != -1 || err != nil && k != tt.kind {
				t.Errorf("%s: %v", tt.what, err)
			}
		}
		if link != tt.link || redir != tt.redir {
			t.Errorf("%s: %q, %q", tt.what, link, redir)
		}
	}
}

// entry reads an entry again.
func (d *depot) entry(e store.Entry) *store.Entry {
	d.Helper()
	now, err := d.db.Entry(context.Background(), e.User, e.ID)
	d.ok(err)
	return &now
}
