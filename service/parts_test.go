package service_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/blinkdrive/blinkdrive/store"
	"github.com/blinkdrive/blinkdrive/store/disk"
	"github.com/blinkdrive/blinkdrive/store/storetest"
)

const testPart = 64 << 10

// partsStore is an object store that takes blobs in parts, over a directory: what Ceph does, with hooks where it may fail.
type partsStore struct {
	*disk.Blobs
	mu      sync.Mutex
	uploads map[string]*multipart
	count   int
	sent    int // parts that went up
	now     func() time.Time
	onPart  func(ctx context.Context, number int) error // before a part goes up
	onEnd   func()                                      // before the parts become a blob
	failing error
}

type multipart struct {
	name  store.BlobName
	parts map[int][]byte
	begun time.Time
}

func (s *partsStore) Kind() store.Kind { return store.Ceph }

func (s *partsStore) Locate(name store.BlobName) store.Location {
	return store.Location{Kind: store.Ceph, In: "bucket", Key: name.Key()}
}

func (s *partsStore) Open(ctx context.Context, name store.BlobName) (store.Blob, error) {
	if s.failing != nil {
		return nil, s.failing
	}
	return s.Blobs.Open(ctx, name)
}

// whole reports whether the blob is there.
func (s *partsStore) whole(ctx context.Context, name store.BlobName, size int64) bool {
	b, err := s.Blobs.Open(ctx, name)
	if err != nil {
		return false
	}
	defer b.Close()
	return b.Size() == size
}

func (s *partsStore) PutResumable(ctx context.Context, name store.BlobName, src store.Blob, sums store.Sums,
	upload string, begun func(string) error,
) error {
	if s.failing != nil {
		return s.failing
	}
	if s.whole(ctx, name, sums.Size) {
		return nil
	}
	if sums.Size <= testPart {
		return s.Put(ctx, name, src, sums)
	}
	if !s.knows(upload) {
		upload = s.begin(name)
		if err := begun(upload); err != nil {
			return err
		}
	}
	for number := 1; int64(number-1)*testPart < sums.Size; number++ {
		if err := s.part(ctx, upload, number, src); err != nil {
			return fmt.Errorf("part %d: %w", number, err)
		}
	}
	return s.end(ctx, upload, name, sums)
}

func (s *partsStore) knows(upload string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.uploads[upload] != nil
}

func (s *partsStore) begin(name store.BlobName) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.count++
	upload := fmt.Sprintf("multipart-%d", s.count)
	s.uploads[upload] = &multipart{name: name, parts: map[int][]byte{}, begun: s.now()}
	return upload
}

func (s *partsStore) part(ctx context.Context, upload string, number int, src store.Blob) error {
	s.mu.Lock()
	m := s.uploads[upload]
	held := m != nil && m.parts[number] != nil
	s.mu.Unlock()
	if m == nil {
		return fmt.Errorf("no such upload: %w", store.ErrUnavailable)
	}
	if held {
		return nil
	}
	if s.onPart != nil {
		if err := s.onPart(ctx, number); err != nil {
			return err
		}
	}
	data, err := io.ReadAll(io.NewSectionReader(src, int64(number-1)*testPart, testPart))
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	m.parts[number] = data
	s.sent++
	return nil
}

func (s *partsStore) end(ctx context.Context, upload string, name store.BlobName, sums store.Sums) error {
	if s.onEnd != nil {
		s.onEnd()
	}
	s.mu.Lock()
	m := s.uploads[upload]
	s.mu.Unlock()
	if m == nil {
		return fmt.Errorf("no such upload: %w", store.ErrUnavailable)
	}
	var all []byte
	for number := range len(m.parts) {
		all = append(all, m.parts[number+1]...)
	}
	if storetest.SumsOf(all) != sums {
		return store.ErrDigestMismatch
	}
	if err := s.Put(ctx, name, bytesBlob{bytes.NewReader(all)}, sums); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.uploads, upload)
	return nil
}

func (s *partsStore) AbortMultipart(_ context.Context, _ store.BlobName, upload string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.uploads, upload)
	return s.failing
}

func (s *partsStore) ListMultiparts(_ context.Context, fn func(store.Multipart) error) error {
	s.mu.Lock()
	var list []store.Multipart
	for id, m := range s.uploads {
		list = append(list, store.Multipart{Name: m.name, Upload: id, Begun: m.begun})
	}
	s.mu.Unlock()
	for _, m := range list {
		if err := fn(m); err != nil {
			return err
		}
	}
	return nil
}

func (s *partsStore) open() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.uploads)
}

type bytesBlob struct{ *bytes.Reader }

func (bytesBlob) Close() error { return nil }

// withParts gives a depot an object store that takes parts, in the place of its directory.
func withParts(t *testing.T) (*depot, *partsStore) {
	t.Helper()
	d := newDepot(t)
	s := &partsStore{Blobs: d.objects, uploads: map[string]*multipart{}, now: d.clock.Now}
	d.target = store.Ceph
	delete(d.places.Objects, store.Disk)
	d.places.Objects[store.Ceph] = s
	return d, s
}
