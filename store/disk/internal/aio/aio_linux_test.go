package disk

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

// More syncs at once than the kernel takes; then, when nobody has waited for a while, more.
func TestManyFsyncs(t *testing.T) {
	t.Parallel()
	var s fsyncs
	f := newFile(t)
	for range 3 {
		var g errgroup.Group
		for range 3 * maxAIO {
			g.Go(func() error {
				if _, err := f.WriteAt([]byte("bytes"), 0); err != nil {
					return err
				}
				return s.fsync(f)
			})
		}
		if err := g.Wait(); err != nil {
			t.Fatal(err)
		}
	}
	if s.aio == nil {
		t.Skip("the kernel has no AIO for us: fsync(2) did it")
	}
	s.aio.mu.Lock()
	defer s.aio.mu.Unlock()
	if n := len(s.aio.waiting); n > 0 {
		t.Errorf("%d still wait", n)
	}
}

func TestFsyncErrors(t *testing.T) {
	t.Parallel()
	var s fsyncs
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close(); w.Close() })
	if err := s.fsync(w); !errors.Is(err, syscall.EINVAL) {
		t.Errorf("fsync of a pipe: %v, want EINVAL", err)
	}
	f := newFile(t)
	f.Close()
	if err := s.fsync(f); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("fsync of a closed file: %v, want %v", err, fs.ErrClosed)
	}
}

// What the kernel says of a sync reaches who waits for it, and only him.
func TestFsyncResults(t *testing.T) {
	t.Parallel()
	a := newAIO()
	if a == nil {
		t.Skip("the kernel has no AIO for us")
	}
	lost := make(chan syscall.Errno, 1)
	a.mu.Lock()
	a.last++
	a.waiting[a.last] = lost // of which the kernel knows nothing
	a.mu.Unlock()
	go a.tell()
	if err := a.fsync(newFile(t)); err != nil {
		t.Errorf("fsync: %v", err)
	}
	a.events.Close() // with nothing more to be read, nobody can be told that bytes are durable
	if errno := <-lost; errno != syscall.EIO {
		t.Errorf("a sync whose result is lost: %v, want EIO", errno)
	}
	if err := a.fsync(newFile(t)); err != nil {
		t.Errorf("fsync without events: %v", err)
	}
}
