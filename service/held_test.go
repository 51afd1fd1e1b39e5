package service_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/blinkdrive/blinkdrive/service"
	"github.com/blinkdrive/blinkdrive/store"
	"github.com/blinkdrive/blinkdrive/store/storetest"
)

// A content whose blob was lost behind the drive's back is not what verified bytes are thrown away for.
func TestUploadTakesThePlaceOfALostBlob(t *testing.T) {
	t.Parallel()
	for what, spoil := range map[string]func(string) error{
		"gone":  os.Remove,
		"short": func(name string) error { return os.Truncate(name, 5) },
	} {
		g := newUploadRig(t)
		g.uploads.Contents, g.uploads.Places = g.db, service.Places{Node: "n1", Local: g.local}
		body := storetest.Bytes(1, 2*testChunk)
		lost := g.bring(g.user, body, "a")
		if err := spoil(filepath.Join(g.dir, "blobs", lost.Content.Location.Name().Key())); err != nil {
			t.Fatal(err)
		}
		bob := g.addUser("bob")
		st := g.init(bob, body, "b")
		g.put(bob, st, body)
		e, err := g.complete(bob, st.ID)
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		g.holds(e, body)
		c, err := g.db.Content(t.Context(), e.Content.Sums.Digest)
		if err != nil || c.Status != store.ContentLive || c.Location == lost.Content.Location {
			t.Errorf("%s: the content is %+v, %v", what, c, err)
		}
	}
}
