package s3_test

import (
	"io"
	"testing"

	"github.com/blinkdrive/blinkdrive/store"
	"github.com/blinkdrive/blinkdrive/store/s3"
	"github.com/blinkdrive/blinkdrive/store/storetest"
)

func benchBlobs(b *testing.B) *s3.Blobs {
	b.Helper()
	blobs, err := s3.Open(b.Context(), ceph(b, plainURL))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { blobs.Close() })
	return blobs
}

// BenchmarkPut is a blob of 64 MiB to Ceph, in parts, verified.
func BenchmarkPut(b *testing.B) {
	blobs := benchBlobs(b)
	p := storetest.Bytes(1, 64<<20)
	sums := storetest.SumsOf(p)
	b.SetBytes(sums.Size)
	for b.Loop() {
		name := store.NewBlobName(sums.Digest, store.NewUploadID("n1"))
		if err := blobs.Put(b.Context(), name, storetest.Source(p), sums); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		if err := blobs.Delete(b.Context(), name); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}

// BenchmarkGet is a blob of 64 MiB from Ceph.
func BenchmarkGet(b *testing.B) {
	blobs := benchBlobs(b)
	p := storetest.Bytes(1, 64<<20)
	sums := storetest.SumsOf(p)
	name := store.NewBlobName(sums.Digest, store.NewUploadID("n1"))
	if err := blobs.Put(b.Context(), name, storetest.Source(p), sums); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(sums.Size)
	for b.Loop() {
		f, err := blobs.Open(b.Context(), name)
		if err != nil {
			b.Fatal(err)
		}
		if n, err := io.Copy(io.Discard, f); err != nil || n != sums.Size {
			b.Fatal(n, err)
		}
		f.Close()
	}
}
