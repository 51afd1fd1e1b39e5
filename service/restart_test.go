package service_test

import (
	"slices"
	"testing"
	"time"

	"github.com/blinkdrive/blinkdrive/store"
	"github.com/blinkdrive/blinkdrive/store/storetest"
)

// Who can write where progress is kept can spoil it, and costs nobody anything.
func TestSpoiltRecords(t *testing.T) {
	t.Parallel()
	g := newUploadRig(t)
	body := storetest.Bytes(1, 3*testChunk)
	st := g.init(g.user, body, "a")
	g.put(g.user, st, body, 1)
	layout := st.Layout
	layout.Size *= 2
	for what, info := range map[string]store.ProgressInfo{
		"another layout": {Upload: st.ID, User: g.user.ID, Digest: st.Digest, Layout: layout},
		"another user":   {Upload: st.ID, User: g.user.ID + 1, Digest: st.Digest, Layout: st.Layout},
	} {
		if err := g.uploads.Progress.Drop(t.Context(), st.ID); err != nil {
			t.Fatal(err)
		}
		if err := g.uploads.Progress.Put(t.Context(), info, []int{1, 2, 3}, time.Hour); err != nil {
			t.Fatal(err)
		}
		if got, err := g.uploads.Status(t.Context(), g.user.ID, st.ID); err != nil || !slices.Equal(got.Held, []int{1}) {
			t.Errorf("%s: held: %v, %v; want chunk 1 alone", what, got.Held, err)
		}
	}
	g.put(g.user, st, body, 2, 3)
	if _, err := g.complete(g.user, st.ID); err != nil {
		t.Error(err)
	}
}

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
