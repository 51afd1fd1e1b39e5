package storetest

import (
	"bytes"
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/blinkdrive/blinkdrive/store"
)

// Bytes makes n bytes that look random and are the same for the same seed.
func Bytes(seed uint64, n int) []byte {
	p := make([]byte, n)
	r := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8), byte(seed >> 16)})
	r.Read(p) // a ChaCha8 never fails
	return p
}

// SumsOf computes the sums of p.
func SumsOf(p []byte) store.Sums {
	return store.Sums{Digest: sha1.Sum(p), SHA256: sha256.Sum256(p), Size: int64(len(p))}
}

// A source is a blob in memory, whose reads can be made to fail.
type source struct {
	*bytes.Reader
	failAt int64 // reads that reach this offset fail; 0 is never
}

func (s *source) Close() error { return nil }

var errSource = errors.New("source failed")

func (s *source) ReadAt(p []byte, off int64) (int, error) {
	if s.failAt > 0 && off+int64(len(p)) > s.failAt {
		return 0, errSource
	}
	return s.Reader.ReadAt(p, off)
}

// Source makes a blob of p.
func Source(p []byte) store.Blob { return &source{Reader: bytes.NewReader(p)} }

func blobName(p []byte) store.BlobName {
	return store.NewBlobName(SumsOf(p).Digest, store.NewUploadID("n1"))
}

// A BlobsTrait is what one kind of store.Blobs need not do.
type BlobsTrait int

// ReaderLosesBlob: a reader that is open may fail with ErrNotFound once its blob has been deleted, as the contract allows
// to object stores.
const ReaderLosesBlob BlobsTrait = 1

// Blobs is the conformance suite of store.Blobs. open returns an empty store.
func Blobs(t *testing.T, open func(t *testing.T) store.Blobs, traits ...BlobsTrait) {
	keeps := !slices.Contains(traits, ReaderLosesBlob)
	for name, test := range map[string]func(*testing.T, store.Blobs){
		"put, open, read":             blobRoundTrip,
		"read anywhere":               blobReadAnywhere,
		"a bad source leaves nothing": blobBadSource,
		"put again":                   blobPutAgain,
		"delete":                      func(t *testing.T, b store.Blobs) { blobDelete(t, b, keeps) },
		"list":                        blobList,
		"concurrent puts":             blobConcurrent,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open(t))
		})
	}
}

func readAll(t *testing.T, b store.Blobs, name store.BlobName) []byte {
	t.Helper()
	f, err := b.Open(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	p, err := io.ReadAll(f)
	if err != nil || int64(len(p)) != f.Size() {
		t.Fatalf("read %d of %d bytes: %v", len(p), f.Size(), err)
	}
	return p
}

func blobRoundTrip(t *testing.T, b store.Blobs) {
	for _, n := range []int{0, 1, 255 << 10, 256 << 10, 1<<20 + 7} {
		p := Bytes(1, n)
		name := blobName(p)
		if err := b.Put(t.Context(), name, Source(p), SumsOf(p)); err != nil {
			t.Fatal(err)
		}
		if got := readAll(t, b, name); !bytes.Equal(got, p) {
			t.Fatalf("%d bytes came back changed", n)
		}
		l := b.Locate(name)
		if back, err := store.ParseLocation(l.String()); err != nil || back != l || l.Name() != name || l.Kind != b.Kind() {
			t.Fatalf("location %v does not survive its text: %v, %v", l, back, err)
		}
		f, err := b.Open(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		part := make([]byte, n/2)
		if _, err := f.ReadAt(part, int64(n-n/2)); err != nil && err != io.EOF || !bytes.Equal(part, p[n-n/2:]) {
			t.Fatalf("ReadAt: %v", err)
		}
		f.Close()
	}
}

func blobBadSource(t *testing.T, b store.Blobs) {
	p := Bytes(2, 1<<20)
	other := Bytes(3, 1<<20)
	name := blobName(p)
	for what, c := range map[string]struct {
		src  store.Blob
		sums store.Sums
		want error
	}{
		"other bytes":  {Source(other), SumsOf(p), store.ErrDigestMismatch},
		"only SHA-256": {Source(p), store.Sums{Digest: SumsOf(p).Digest, SHA256: SumsOf(other).SHA256, Size: 1 << 20}, store.ErrDigestMismatch},
		"short":        {Source(p[1:]), SumsOf(p), store.ErrLength},
		"long":         {Source(append(p, 0)), SumsOf(p), store.ErrLength},
		"failing":      {&source{bytes.NewReader(p), 600 << 10}, SumsOf(p), errSource},
	} {
		if err := b.Put(t.Context(), name, c.src, c.sums); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", what, err, c.want)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := b.Put(ctx, name, Source(p), SumsOf(p)); err == nil {
		t.Error("a cancelled Put succeeded")
	}
	if _, err := b.Open(t.Context(), name); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("after failed puts: %v, want ErrNotFound", err)
	}
}

func blobPutAgain(t *testing.T, b store.Blobs) {
	p := Bytes(4, 100<<10)
	name := blobName(p)
	for range 3 {
		if err := b.Put(t.Context(), name, Source(p), SumsOf(p)); err != nil {
			t.Fatal(err)
		}
	}
	if got := readAll(t, b, name); !bytes.Equal(got, p) {
		t.Error("bytes changed")
	}
}

func blobDelete(t *testing.T, b store.Blobs, readerKeeps bool) {
	p := Bytes(5, 1<<20)
	name := blobName(p)
	if err := b.Delete(t.Context(), name); err != nil {
		t.Fatalf("delete of nothing: %v", err)
	}
	if err := b.Put(t.Context(), name, Source(p), SumsOf(p)); err != nil {
		t.Fatal(err)
	}
	f, err := b.Open(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for range 2 {
		if err := b.Delete(t.Context(), name); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := b.Open(t.Context(), name); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("open after delete: %v, want ErrNotFound", err)
	}
	got, err := io.ReadAll(f)
	if !readerKeeps && errors.Is(err, store.ErrNotFound) && bytes.HasPrefix(p, got) {
		return
	}
	if err != nil || !bytes.Equal(got, p) {
		t.Errorf("a reader that was open read %d bytes: %v", len(got), err)
	}
}

func blobList(t *testing.T, b store.Blobs) {
	want := map[store.BlobName]int64{}
	for i := range 5 {
		p := Bytes(uint64(10+i), 1000+i)
		want[blobName(p)] = 0
		for name := range want {
			if name.Digest() == SumsOf(p).Digest {
				want[name] = int64(len(p))
				if err := b.Put(t.Context(), name, Source(p), SumsOf(p)); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	got := map[store.BlobName]int64{}
	err := b.List(t.Context(), func(i store.BlobInfo) error {
		got[i.Name] = i.Size
		return nil
	})
	if err != nil || len(got) != len(want) {
		t.Fatalf("listed %d of %d: %v", len(got), len(want), err)
	}
	for name, size := range want {
		if got[name] != size {
			t.Errorf("%s: listed with %d bytes, want %d", name, got[name], size)
		}
	}
	stop := errors.New("stop")
	if err := b.List(t.Context(), func(store.BlobInfo) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("List: %v, want fn's error", err)
	}
}

func blobConcurrent(t *testing.T, b store.Blobs) {
	p := Bytes(6, 1<<20)
	name := blobName(p)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if err := b.Put(t.Context(), name, Source(p), SumsOf(p)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got := readAll(t, b, name); !bytes.Equal(got, p) {
		t.Error("bytes changed")
	}
}
