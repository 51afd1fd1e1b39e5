package service_test

import (
	"slices"
	"testing"
	"time"

	"github.com/blinkdrive/blinkdrive/store"
	"github.com/blinkdrive/blinkdrive/store/storetest"
)

// A record that outlived a power cut says more than staging holds.
func TestRecordsThatOutlivedStaging(t *testing.T) {
	t.Parallel()
	g := newUploadRig(t)
	body := storetest.Bytes(1, 3*testChunk)
	st := g.init(g.user, body, "a")
	g.put(g.user, st, body, 1)
	info := store.ProgressInfo{Upload: st.ID, User: g.user.ID, Digest: st.Digest, Layout: st.Layout}
	if err := g.uploads.Progress.Put(t.Context(), info, []int{1, 2, 3}, time.Hour); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := g.uploads.DropRecords(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := g.uploads.Status(t.Context(), g.user.ID, st.ID); err != nil || !slices.Equal(got.Held, []int{1}) {
		t.Errorf("held: %v, %v; want chunk 1 alone", got.Held, err)
	}
}
