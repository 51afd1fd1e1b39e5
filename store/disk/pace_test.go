package disk

import (
	"bytes"
	"context"
	"testing"
	"time"

	"github.com/blinkdrive/blinkdrive/store"
)

// paced is an upload of chunks of half of what may be left to the follower.
func paced(t *testing.T) *upload {
	t.Helper()
	s := testStaging(t, testRoot(t, t.TempDir()), StagingOptions{})
	id := store.NewUploadID("n1")
	l := store.Layout{Size: 5 * maxBehind / 2, ChunkSize: maxBehind / 2}
	if err := s.Create(t.Context(), store.StagedUpload{ID: id, Layout: l}); err != nil {
		t.Fatal(err)
	}
	u, err := s.Open(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { u.Close() })
	return u.(*handle).upload
}

// bring writes zeros into chunks, without waiting for the answers.
func bring(ctx context.Context, u *upload, indexes ...int) <-chan error {
	done := make(chan error, len(indexes))
	for _, i := range indexes {
		go func() {
			_, err := u.WriteChunk(ctx, i, bytes.NewReader(make([]byte, u.layout.ChunkSize)), store.Digest{})
			done <- err
		}()
	}
	return done
}

// awaitPaced waits until somebody is held back.
func awaitPaced(t *testing.T, u *upload) {
	t.Helper()
	for waits := false; !waits; time.Sleep(time.Millisecond) {
		if t.Context().Err() != nil {
			t.Fatal("nobody is held back")
		}
		u.mu.Lock()
		waits = u.onward != nil
		u.mu.Unlock()
	}
}

// A follower that is far behind holds acknowledgements back, not the bytes; those whose clients have gone are let go.
func TestPace(t *testing.T) {
	t.Parallel()
	u := paced(t)
	u.follower.mu.Lock() // it cannot go on
	for _, i := range []int{1, 2, 4} {
		if err := <-bring(t.Context(), u, i); err != nil { // within bounds, or not part of the contiguous prefix
			t.Fatal(err)
		}
	}
	ctx, leave := context.WithCancel(t.Context())
	gone := bring(ctx, u, 3)
	awaitPaced(t, u)
	if held := u.Held(); len(held) != 4 {
		t.Errorf("held while one waits: %v", held)
	}
	leave()
	if err := <-gone; err != nil {
		t.Errorf("the chunk is held, and its writer is told: %v", err)
	}
	last := bring(t.Context(), u, 5)
	awaitPaced(t, u)
	u.follower.mu.Unlock()
	if err := <-last; err != nil {
		t.Error(err)
	}
	if _, err := u.Verify(t.Context()); err != nil {
		t.Error(err)
	}
}

// Nobody waits for a follower that has stopped: complete meets its error.
func TestPaceWithoutFollower(t *testing.T) {
	t.Parallel()
	u := paced(t)
	u.follower.mu.Lock()
	done := bring(t.Context(), u, 1, 2, 3)
	awaitPaced(t, u)
	u.follower.file = nil
	u.follower.mu.Unlock()
	for range 3 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if _, err := u.Verify(t.Context()); err == nil {
		t.Error("verified what could not be read")
	}
}
