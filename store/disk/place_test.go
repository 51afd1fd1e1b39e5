package disk

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/blinkdrive/blinkdrive/store"
	"github.com/blinkdrive/blinkdrive/store/storetest"
)

// openOrCreate is what the requests of one upload do, each for itself.
func openOrCreate(ctx context.Context, s *Staging, u store.StagedUpload) (store.Staged, error) {
	staged, err := s.Open(ctx, u.ID)
	if !errors.Is(err, store.ErrNotFound) {
		return staged, err
	}
	if err := s.Create(ctx, u); err != nil && !errors.Is(err, store.ErrExists) {
		return nil, err
	}
	return s.Open(ctx, u.ID)
}

func TestManyMakeOnePlace(t *testing.T) {
	t.Parallel()
	s := testStaging(t, testRoot(t, t.TempDir()), StagingOptions{})
	for range 50 {
		u := store.StagedUpload{ID: store.NewUploadID("n1"), Layout: store.Layout{Size: 1000, ChunkSize: 100}}
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				staged, err := openOrCreate(t.Context(), s, u)
				if err != nil {
					t.Error(err)
					return
				}
				defer staged.Close()
				chunk := bytes.NewReader(make([]byte, 100))
				if _, err := staged.WriteChunk(t.Context(), i+1, chunk, store.Digest{}); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		restarted, err := testStaging(t, s.root, StagingOptions{}).Open(t.Context(), u.ID)
		if err != nil {
			t.Fatal(err)
		}
		if held := restarted.Held(); len(held) != 8 {
			t.Fatalf("held on the disk: %v", held)
		}
		restarted.Close()
	}
}

// What is acknowledged while a place is removed and made again is in the new place, or not acknowledged.
func TestRemoveAgainstOpen(t *testing.T) {
	t.Parallel()
	s := testStaging(t, testRoot(t, t.TempDir()), StagingOptions{})
	u := store.StagedUpload{ID: store.NewUploadID("n1"), Layout: store.Layout{Size: 100, ChunkSize: 100}}
	for range 200 {
		if err := s.Create(t.Context(), u); err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		wg.Go(func() {
			if err := s.Remove(t.Context(), u.ID); err != nil {
				t.Error(err)
			}
		})
		for range 3 {
			wg.Go(func() {
				if staged, err := s.Open(t.Context(), u.ID); err == nil {
					staged.Close()
				} else if !errors.Is(err, store.ErrNotFound) {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if staged, err := s.Open(t.Context(), u.ID); !errors.Is(err, store.ErrNotFound) {
			t.Fatalf("Open after Remove: %v, %v", staged, err)
		}
	}
}

// A power cut can leave the layout empty. Whoever finds a row without staging must be able to make it again.
func TestCreateOverUnreadableLayout(t *testing.T) {
	t.Parallel()
	p := newPowerTrial(t, 2)
	s := p.boot("one")
	p.create(s)
	if err := os.Truncate(filepath.Join(p.dir, stagingDir, string(p.id), layoutFile), 0); err != nil {
		t.Fatal(err)
	}
	s = p.boot("two")
	if _, err := s.Open(t.Context(), p.id); !errors.Is(err, store.ErrNotFound) {
		t.Fatalf("Open: %v", err)
	}
	p.create(s)
	u := p.open(s)
	p.write(u, 1, 2)
	p.finish(u)
}

// A body that trickles on must not keep the space of an upload that was cancelled.
func TestRemoveEndsSlowBody(t *testing.T) {
	t.Parallel()
	p := newPowerTrial(t, 1)
	s := p.boot("one")
	p.create(s)
	u := p.open(s)
	body, client := io.Pipe()
	defer client.Close()
	done := make(chan error, 1)
	go func() {
		_, err := u.WriteChunk(context.Background(), 1, body, store.Digest{})
		done <- err
	}()
	if _, err := client.Write(p.body[:10]); err != nil {
		t.Fatal(err)
	}
	if err := s.Remove(t.Context(), p.id); err != nil {
		t.Fatal(err)
	}
	go client.Write(p.body[10:11])
	select {
	case err := <-done:
		if !errors.Is(err, store.ErrNotFound) {
			t.Errorf("WriteChunk: %v", err)
		}
	case <-time.After(5 * time.Second):
		t.Error("the body is still being read")
	}
}

// The first file of a long form has not been touched for hours when the last one comes.
func TestStreamedStaysYoung(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := testStaging(t, testRoot(t, dir), StagingOptions{})
	id := store.NewUploadID("n1")
	if _, err := s.Stream(t.Context(), id, bytes.NewReader(storetest.Bytes(1, 10)), 10); err != nil {
		t.Fatal(err)
	}
	old := time.Now().Add(-48 * time.Hour)
	if err := os.Chtimes(filepath.Join(dir, stagingDir, string(id)), old, old); err != nil {
		t.Fatal(err)
	}
	age := func(s *Staging) (age time.Duration) {
		err := s.List(t.Context(), func(_ store.UploadID, modified time.Time) error {
			age = time.Since(modified)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return age
	}
	if a := age(s); a > time.Minute {
		t.Errorf("a form's file is %v old while the form is under way", a)
	}
	if a := age(testStaging(t, s.root, StagingOptions{})); a < 24*time.Hour {
		t.Errorf("what a dead process streamed is only %v old", a)
	}
}

// After a failed sync the place may have been made again, empty, between Verify and Publish.
func TestPublishOnlyWhatWasVerified(t *testing.T) {
	t.Parallel()
	p := newPowerTrial(t, 2)
	s := p.boot("one")
	p.create(s)
	u := p.open(s)
	p.write(u, 1, 2)
	p.finish(u)
	if err := s.Remove(t.Context(), p.id); err != nil {
		t.Fatal(err)
	}
	p.create(s)
	u = p.open(s)
	name := store.NewBlobName(storetest.SumsOf(p.body).Digest, p.id)
	if err := s.Publish(t.Context(), p.id, name); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("Publish of other bytes than the verified ones: %v", err)
	}
	p.write(u, 1, 2)
	p.finish(u)
	if err := u.Drop(t.Context(), []int{1}); err != nil {
		t.Fatal(err)
	}
	if err := s.Publish(t.Context(), p.id, name); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("Publish of a file with a hole: %v", err)
	}
	p.write(u, 1)
	p.finish(u)
	if err := s.Publish(t.Context(), p.id, name); err != nil {
		t.Error(err)
	}
}

// Somebody who tidies up removes empty folders under a running drive.
func TestFoldersThatWereRemoved(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b, err := NewBlobs(testRoot(t, dir), "blobs", store.Local, "n1")
	if err != nil {
		t.Fatal(err)
	}
	p := storetest.Bytes(1, 10)
	name := store.NewBlobName(storetest.SumsOf(p).Digest, store.NewUploadID("n1"))
	for range 2 {
		if err := b.Put(t.Context(), name, storetest.Source(p), storetest.SumsOf(p)); err != nil {
			t.Fatal(err)
		}
		if err := os.RemoveAll(filepath.Join(dir, "blobs", string(name[:2]))); err != nil {
			t.Fatal(err)
		}
	}
}

// What could not be made durable gets no name: the kernel may have dropped its bytes.
func TestStreamedThatWasNotSynced(t *testing.T) {
	t.Parallel()
	s := testStaging(t, testRoot(t, t.TempDir()), StagingOptions{})
	id := store.NewUploadID("n1")
	sums, err := s.Stream(t.Context(), id, bytes.NewReader(storetest.Bytes(1, 10)), 10)
	if err != nil {
		t.Fatal(err)
	}
	st := s.streamedFile(id)
	<-st.synced
	st.err = syscall.EIO
	name := store.NewBlobName(sums.Digest, id)
	if err := s.Publish(t.Context(), id, name); !errors.Is(err, syscall.EIO) {
		t.Errorf("Publish: %v", err)
	}
	if _, err := s.opts.Blobs.Open(t.Context(), name); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("the blob: %v", err)
	}
	if err := s.Remove(t.Context(), id); err != nil {
		t.Error(err)
	}
}
