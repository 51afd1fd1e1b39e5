package disk

import (
	"bytes"
	"os"
	"testing"

	"github.com/blinkdrive/blinkdrive/store"
	"github.com/blinkdrive/blinkdrive/store/storetest"
)

func benchStaging(b *testing.B) *Staging {
	b.Helper()
	root, err := os.OpenRoot(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { root.Close() })
	blobs, err := NewBlobs(root, "blobs", store.Local, "n1")
	if err != nil {
		b.Fatal(err)
	}
	s, err := NewStaging(root, StagingOptions{Blobs: blobs})
	if err != nil {
		b.Fatal(err)
	}
	return s
}

// BenchmarkUpload is a whole upload of 64 MiB in chunks of 8 MiB, from Create to Publish: bytes, journal, both hashes, sync.
func BenchmarkUpload(b *testing.B) {
	s := benchStaging(b)
	body := storetest.Bytes(1, 64<<20)
	l := store.Layout{Size: int64(len(body)), ChunkSize: 8 << 20}
	b.SetBytes(l.Size)
	for b.Loop() {
		id := store.NewUploadID("n1")
		if err := s.Create(b.Context(), store.StagedUpload{ID: id, Layout: l}); err != nil {
			b.Fatal(err)
		}
		u, err := s.Open(b.Context(), id)
		if err != nil {
			b.Fatal(err)
		}
		for i := range l.Count() {
			off, n := l.Extent(i + 1)
			if _, err := u.WriteChunk(b.Context(), i+1, bytes.NewReader(body[off:off+n]), store.Digest{}); err != nil {
				b.Fatal(err)
			}
		}
		sums, err := u.Verify(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		if err := s.Publish(b.Context(), id, store.NewBlobName(sums.Digest, id)); err != nil {
			b.Fatal(err)
		}
		u.Close()
		if err := s.Remove(b.Context(), id); err != nil {
			b.Fatal(err)
		}
		if err := s.opts.Blobs.Delete(b.Context(), store.NewBlobName(sums.Digest, id)); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkWriteChunk is one chunk of 1 MiB, without its share of the hash follower.
func BenchmarkWriteChunk(b *testing.B) {
	s := benchStaging(b)
	body := storetest.Bytes(1, 1<<20)
	id := store.NewUploadID("n1")
	l := store.Layout{Size: 1 << 30, ChunkSize: 1 << 20}
	if err := s.Create(b.Context(), store.StagedUpload{ID: id, Layout: l}); err != nil {
		b.Fatal(err)
	}
	u, err := s.Open(b.Context(), id)
	if err != nil {
		b.Fatal(err)
	}
	defer u.Close()
	b.SetBytes(l.ChunkSize)
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		index := 2 + n%(l.Count()-1) // never the first, so that the follower has nothing to do
		if err := u.Drop(b.Context(), []int{index}); err != nil {
			b.Fatal(err)
		}
		if _, err := u.WriteChunk(b.Context(), index, bytes.NewReader(body), store.Digest{}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkJournal is one record of a held chunk.
func BenchmarkJournal(b *testing.B) {
	f, err := os.Create(b.TempDir() + "/journal")
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	j := journal{file: f}
	b.ReportAllocs()
	for b.Loop() {
		if err := j.hold(store.Chunk{Index: 1, Length: 5 << 20, CRC: 1}); err != nil {
			b.Fatal(err)
		}
		j.end = 0
	}
}

// BenchmarkFollower hashes 16 MiB with both digests, from the page cache.
func BenchmarkFollower(b *testing.B) {
	f, err := os.Create(b.TempDir() + "/data")
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	const size = 16 << 20
	if _, err := f.Write(storetest.Bytes(1, size)); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(size)
	for b.Loop() {
		fo := newFollower(f)
		for more := true; more; {
			if more, err = fo.advance(size); err != nil {
				b.Fatal(err)
			}
		}
	}
}

// BenchmarkStream is a file of 1 MiB as a form brings it, 8 at a time for each CPU, from its first byte to its durable name.
func BenchmarkStream(b *testing.B) {
	s := benchStaging(b)
	body := storetest.Bytes(1, 1<<20)
	b.SetBytes(int64(len(body)))
	b.SetParallelism(8)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			id := store.NewUploadID("n1")
			sums, err := s.Stream(b.Context(), id, bytes.NewReader(body), int64(len(body)))
			if err != nil {
				b.Error(err)
				return
			}
			if err := s.Publish(b.Context(), id, store.NewBlobName(sums.Digest, id)); err != nil {
				b.Error(err)
				return
			}
			if err := s.Remove(b.Context(), id); err != nil {
				b.Error(err)
				return
			}
		}
	})
}
