package s3_test

import (
	"crypto/sha1"
	"crypto/sha256"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"sync/atomic"
	"testing"
	"time"

	"github.com/blinkdrive/blinkdrive/store"
	"github.com/blinkdrive/blinkdrive/store/s3"
	"github.com/blinkdrive/blinkdrive/store/storetest"
)

// made is a blob of any size that takes no memory: a pattern, over and over, of a length that fits no part.
type made struct {
	*io.SectionReader
}

func newMade(size int64) made {
	return made{io.NewSectionReader(pattern(storetest.Bytes(9, 1<<20+13)), 0, size)}
}

func (made) Close() error { return nil }

type pattern []byte

func (w pattern) ReadAt(p []byte, off int64) (int, error) {
	for n := 0; n < len(p); {
		n += copy(p[n:], w[(off+int64(n))%int64(len(w)):])
	}
	return len(p), nil
}

func sumsOf(t testing.TB, r io.Reader) store.Sums {
	t.Helper()
	h1, h2 := sha1.New(), sha256.New()
	n, err := io.Copy(io.MultiWriter(h1, h2), r)
	if err != nil {
		t.Fatal(err)
	}
	return store.Sums{Digest: store.Digest(h1.Sum(nil)), SHA256: store.SHA256(h2.Sum(nil)), Size: n}
}

// peak watches the heap until it is stopped.
func peak() (stop func() uint64) {
	var highest atomic.Uint64
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			highest.Store(max(highest.Load(), m.HeapAlloc))
			select {
			case <-done:
				return
			case <-time.After(5 * time.Millisecond):
			}
		}
	}()
	return func() uint64 {
		close(done)
		<-ended
		return highest.Load()
	}
}

// A large blob goes up and comes down in the memory of a few parts. It runs alone, since it measures the whole process.
func TestMemoryIsBounded(t *testing.T) {
	size := int64(200 << 20)
	if os.Getenv("BLINKDRIVE_TEST_LONG") != "" {
		size = 1 << 30
	}
	b, err := s3.Open(t.Context(), ceph(t, plainURL))
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	src := newMade(size)
	sums := sumsOf(t, src)
	name := store.NewBlobName(sums.Digest, store.NewUploadID("n1"))
	defer debug.SetGCPercent(debug.SetGCPercent(20)) // so that what is measured is in use
	runtime.GC()
	var before runtime.MemStats
	runtime.ReadMemStats(&before)
	stop := peak()
	if err := b.Put(t.Context(), name, src, sums); err != nil {
		t.Fatal(err)
	}
	// Four parts under way, and one that is being read, of 5 MiB each; and the connections.
	const limit = 5*5<<20 + 24<<20
	if used := int64(stop()) - int64(before.HeapAlloc); used > limit {
		t.Errorf("a put of %d MiB used %d MiB, want at most %d", size>>20, used>>20, limit>>20)
	} else {
		t.Logf("a put of %d MiB used %d MiB", size>>20, used>>20)
	}
	runtime.GC()
	runtime.ReadMemStats(&before)
	stop = peak()
	f, err := b.Open(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if got := sumsOf(t, f); got != sums {
		t.Error("other bytes came back")
	}
	if used := int64(stop()) - int64(before.HeapAlloc); used > 8<<20 {
		t.Errorf("a read of %d MiB used %d MiB, want at most 8", size>>20, used>>20)
	}
	if err := b.Delete(t.Context(), name); err != nil {
		t.Error(err)
	}
}
