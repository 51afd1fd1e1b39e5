package disk

import (
	"bytes"
	"io"
	"testing"
	"time"
)

// Clients that displace each other time and again must end with one of them as the writer: a takeover needs more silence
// the more there were. When the chunk is held, nothing is remembered of them.
func TestTakeoversBecomeHarder(t *testing.T) {
	t.Parallel()
	u := paced(t)
	var last *chunkWriter
	for n := range 100 {
		w, err := u.lockChunk(t.Context(), 1, bytes.NewReader(nil))
		if err != nil {
			t.Fatal(err)
		}
		want := silence
		if n >= freeTakeovers {
			want = min(maxSilence, silence<<min(n-freeTakeovers+1, 10))
		}
		u.mu.Lock()
		got := u.takeoverSilence(1)
		u.mu.Unlock()
		if got != want {
			t.Fatalf("after %d takeovers a writer may be silent for %v, want %v", n, got, want)
		}
		if last != nil {
			if _, err := last.Read(make([]byte, 1)); err == nil || err == io.EOF {
				t.Fatalf("the displaced writer reads on: %v", err)
			}
			u.unlockChunk(1, last)
		}
		w.reading, w.since = true, time.Now().Add(-2*maxSilence)
		last = w
	}
	if err := <-bring(t.Context(), u, 1); err != nil {
		t.Fatal(err)
	}
	u.unlockChunk(1, last)
	if len(u.takeovers) != 0 || len(u.writing) != 0 {
		t.Errorf("left behind: %v, %v", u.takeovers, u.writing)
	}
}

// A body that brings a byte now and then is as good as silent; one that waits for the disk is not.
func TestSilence(t *testing.T) {
	t.Parallel()
	u := paced(t)
	w := &chunkWriter{upload: u, index: 1, body: bytes.NewReader(make([]byte, 4*trickle))}
	read := func(n int, age time.Duration) {
		t.Helper()
		if _, err := io.ReadFull(w, make([]byte, n)); err != nil {
			t.Fatal(err)
		}
		w.since = w.since.Add(-age)
		if w.displace(silence) {
			t.Fatal("displaced outside of Read")
		}
	}
	read(trickle, 2*silence)
	if err := w.beginRead(); err != nil || w.displace(silence) {
		t.Errorf("displaced although bytes arrived: %v", err)
	}
	_, _ = w.endRead(0, nil)
	for range 3 {
		read(1, silence/2)
	}
	if err := w.beginRead(); err != nil || !w.displace(silence) {
		t.Errorf("a trickle is no silence: %v", err)
	}
	if _, err := w.endRead(1, nil); err == nil {
		t.Error("the displaced writer reads on")
	}
	if err := w.displacedErr(); err == nil {
		t.Error("displaced without an error")
	}
}
