package disk

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/blinkdrive/blinkdrive/store"
	"github.com/blinkdrive/blinkdrive/store/sums"
)

const (
	// streamCheck is how many bytes of a stream may come before the free space is looked at again.
	streamCheck = 64 << 20
	// streamBack is how many bytes of a stream are left to the sync at its end; what is longer starts on its way to the disk
	// before. A small file goes there cheapest in one piece.
	streamBack = 4 << 20
	// maxSyncing is how many streamed files may be open, after their last byte, to be made durable.
	maxSyncing = 128
)

// A streamed file stands by itself where other uploads have a folder: there is nothing to resume, and a form may bring
// thousands of small files. Its bytes go to the disk while its name is made, and while the form's next file arrives.
type streamed struct {
	synced chan struct{} // closed: err says whether the bytes are durable
	err    error
}

// Stream stores a whole body of unknown length. Publish waits until it is durable.
func (s *Staging) Stream(ctx context.Context, id store.UploadID, r io.Reader, limit int64) (store.Sums, error) {
	st := &streamed{synced: make(chan struct{})}
	s.mu.Lock()
	s.streamed[id] = st
	s.mu.Unlock()
	got, err := s.stream(ctx, id, st, r, limit)
	if err != nil {
		st.err = err
		close(st.synced)
		return store.Sums{}, errors.Join(fmt.Errorf("stream %s: %w", id, noSpace(err)), s.Remove(ctx, id))
	}
	return got, nil
}

func (s *Staging) stream(ctx context.Context, id store.UploadID, st *streamed, r io.Reader, limit int64) (store.Sums, error) {
	f, err := s.root.OpenFile(s.path(id, ""), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return store.Sums{}, err
	}
	got, err := s.streamTo(ctx, f, r, limit)
	if err == nil {
		select {
		case s.syncing <- struct{}{}:
		case <-ctx.Done():
			err = ctx.Err()
		}
	}
	if err != nil {
		return store.Sums{}, errors.Join(err, f.Close())
	}
	go func() {
		st.err = errors.Join(s.opts.Blobs.folders.syncer.Sync(f), f.Close())
		<-s.syncing
		close(st.synced)
	}()
	return got, nil
}

func (s *Staging) streamTo(ctx context.Context, f *os.File, r io.Reader, limit int64) (store.Sums, error) {
	hash := sums.New()
	var size, checked, written int64
	_, err := copyBlocks(ctx, r, func(p []byte) error {
		if size+int64(len(p)) > limit {
			return fmt.Errorf("%w: more than %d bytes", store.ErrLength, limit)
		}
		if size >= checked {
			checked = size + streamCheck
			if err := s.room(ctx, int64(len(p))); err != nil {
				return err
			}
		}
		hash.Write(p)
		_, err := f.Write(p)
		if size += int64(len(p)); size-written >= streamBack {
			writeBack(f, written, size-written)
			written = size
		}
		return err
	})
	return hash.Sums(), err
}

// streamedFile returns what this process knows of a streamed file; nil: it is none, or was removed.
func (s *Staging) streamedFile(id store.UploadID) *streamed {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.streamed[id]
}

// removeStreamed deletes a streamed file, whose last write to the disk is over by then.
func (s *Staging) removeStreamed(id store.UploadID, st *streamed) error {
	<-st.synced
	err := s.root.Remove(s.path(id, ""))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("staging %s: remove: %w", id, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.streamed, id)
	return nil
}
