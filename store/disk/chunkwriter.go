package disk

import (
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/blinkdrive/blinkdrive/store"
)

const (
	// silence is how long a writer may wait for its body before another request for the same chunk takes over: longer
	// than a lost packet takes to be repeated on most lines, short enough that the newcomer hardly notices.
	silence = time.Second
	// freeTakeovers is how often a chunk may change hands after that short a silence. Later takeovers need twice the
	// silence each time, up to maxSilence: two live but bursty clients would otherwise displace each other forever.
	freeTakeovers = 8
	maxSilence    = 32 * time.Second
	// trickle is how many bytes end a silence. A body that brings fewer counts as silent.
	trickle = 4 << 10
)

// A chunkWriter is the one request that is at work on a chunk, and the reader of its body. It can be displaced only while
// it waits in Read, and Read fails from then on: so it never writes a byte beside the request that took over.
type chunkWriter struct {
	upload *upload
	index  int
	body   io.Reader
	done   chan struct{} // closed by unlockChunk

	mu        sync.Mutex
	reading   bool
	displaced bool
	since     time.Time // of the silence, if reading
	arrived   int       // bytes since then
}

// lockChunk makes the caller the only one at work on a chunk. It takes over from a writer that has gone silent, and waits
// for one whose bytes still arrive.
//
// Lock order: upload.mu, chunkWriter.mu.
func (u *upload) lockChunk(ctx context.Context, index int, body io.Reader) (*chunkWriter, error) {
	w := &chunkWriter{upload: u, index: index, body: body, done: make(chan struct{})}
	other, locked := u.tryLockChunk(w)
	if locked && other == nil {
		return w, nil
	}
	deadline := time.NewTimer(maxWait)
	defer deadline.Stop()
	poll := time.NewTicker(silence / 10)
	defer poll.Stop()
	for ; ; other, locked = u.tryLockChunk(w) {
		if locked {
			interrupt(other)
			return w, nil
		}
		select {
		case <-other.done:
		case <-poll.C:
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-deadline.C:
			return nil, fmt.Errorf("chunk %d is being written: %w", index, store.ErrBusy)
		}
	}
}

// tryLockChunk returns the writer that has the chunk, or that w has just displaced.
func (u *upload) tryLockChunk(w *chunkWriter) (other *chunkWriter, locked bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	other = u.writing[w.index]
	if other != nil {
		if !other.displace(u.takeoverSilence(w.index)) {
			return other, false
		}
		if !u.held[w.index-1] {
			u.takeovers[w.index]++
		}
	}
	u.writing[w.index] = w
	return other, true
}

// takeoverSilence returns how long the writer of a chunk must have been silent to be displaced. It needs upload.mu.
func (u *upload) takeoverSilence(index int) time.Duration {
	d := silence
	for n := u.takeovers[index]; n >= freeTakeovers && d < maxSilence; n-- {
		d *= 2
	}
	return d
}

func (u *upload) unlockChunk(index int, w *chunkWriter) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.writing[index] == w {
		delete(u.writing, index)
	}
	close(w.done)
}

// interrupt ends the Read that a displaced writer waits in. A body that cannot be interrupted is left to its own deadline.
func interrupt(w *chunkWriter) {
	if w == nil { // it was done in time
		return
	}
	if i, ok := w.body.(store.Interrupter); ok {
		i.Interrupt()
	}
}

// Read reads the body while the upload exists and w has the chunk: a body that trickles on for hours must not keep the
// space of an upload that was cancelled, and that no user is charged for any more.
func (w *chunkWriter) Read(p []byte) (int, error) {
	if w.upload.gone.Load() {
		return 0, store.ErrNotFound
	}
	if err := w.beginRead(); err != nil {
		return 0, err
	}
	n, err := w.body.Read(p)
	return w.endRead(n, err)
}

func (w *chunkWriter) beginRead() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.displaced {
		return w.errDisplaced()
	}
	w.reading = true
	if w.since.IsZero() || w.arrived >= trickle {
		w.since, w.arrived = time.Now(), 0
	}
	return nil
}

func (w *chunkWriter) endRead(n int, err error) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.reading = false
	if w.displaced {
		return 0, w.errDisplaced()
	}
	w.arrived += n
	return n, err
}

// displace ends the writer if it has been silent for that long, and reports whether it did.
func (w *chunkWriter) displace(after time.Duration) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.reading && time.Since(w.since) >= after {
		w.displaced = true
	}
	return w.displaced
}

// displacedErr returns the error of a displaced writer, and nil while it has the chunk.
func (w *chunkWriter) displacedErr() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.displaced {
		return w.errDisplaced()
	}
	return nil
}

func (w *chunkWriter) errDisplaced() error {
	return fmt.Errorf("chunk %d was taken over by a newer request: %w", w.index, store.ErrBusy)
}
