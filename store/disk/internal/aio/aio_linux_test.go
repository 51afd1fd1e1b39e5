package aio

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"golang.org/x/sync/errgroup"
)

func newFile(t *testing.T) *os.File {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "f"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// TestManySyncs asks for more syncs at once than the kernel takes, three times with an idle queue in between.
func TestManySyncs(t *testing.T) {
	t.Parallel()
	var s Syncer
	f := newFile(t)
	for range 3 {
		var g errgroup.Group
		for range 3 * maxPending {
			g.Go(func() error {
				if _, err := f.WriteAt([]byte("bytes"), 0); err != nil {
					return err
				}
				return s.Sync(f)
			})
		}
		if err := g.Wait(); err != nil {
			t.Fatal(err)
		}
	}
	if s.queue == nil {
		t.Skip("the kernel has no AIO for this process: fsync(2) did it")
	}
	s.queue.mu.Lock()
	defer s.queue.mu.Unlock()
	if n := len(s.queue.waiting); n > 0 {
		t.Errorf("%d callers still wait", n)
	}
}

func TestSyncErrors(t *testing.T) {
	t.Parallel()
	var s Syncer
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close(); w.Close() })
	if err := s.Sync(w); !errors.Is(err, syscall.EINVAL) {
		t.Errorf("sync of a pipe: %v, want EINVAL", err)
	}
	f := newFile(t)
	f.Close()
	if err := s.Sync(f); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("sync of a closed file: %v, want %v", err, fs.ErrClosed)
	}
}

// TestSyncResults checks that a result reaches the caller that waits for it and no other, and that a caller whose result is
// lost gets an error.
func TestSyncResults(t *testing.T) {
	t.Parallel()
	q := newQueue()
	if q == nil {
		t.Skip("the kernel has no AIO for this process")
	}
	lost := make(chan syscall.Errno, 1)
	q.mu.Lock()
	q.last++
	q.waiting[q.last] = lost // the kernel knows nothing of this one
	q.mu.Unlock()
	go q.run()
	if err := q.sync(newFile(t)); err != nil {
		t.Errorf("sync: %v", err)
	}
	q.events.Close() // nothing more can be read
	if errno := <-lost; errno != syscall.EIO {
		t.Errorf("a sync whose result is lost: %v, want EIO", errno)
	}
	if err := q.sync(newFile(t)); err != nil {
		t.Errorf("sync without events: %v", err)
	}
}
