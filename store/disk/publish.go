package disk

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"

	"github.com/blinkdrive/blinkdrive/store"
)

// Publish links the staged bytes to their name as a local blob. The bytes of a streamed file become durable together with
// their name: the file system answers all that waits with one write of its journal.
func (s *Staging) Publish(_ context.Context, id store.UploadID, name store.BlobName) error {
	blob := s.opts.Blobs.path(name)
	err := s.opts.Blobs.folders.name(path.Dir(blob), func() error { return s.link(id, blob) })
	if st := s.streamedFile(id); st != nil && err == nil {
		if <-st.synced; st.err != nil { // the kernel may have dropped bytes: the name must not stay
			err = errors.Join(st.err, s.root.Remove(blob))
		}
	}
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("staging: %w", store.ErrNotFound)
	}
	if err != nil {
		return fmt.Errorf("publish %s: %w", name, noSpace(err))
	}
	return nil
}

// link gives staged bytes a name, if they are those that were verified: after a failed sync they may be thrown away at
// any moment, and their place made again by the next chunk, empty. A name of an earlier try is as good as ever.
func (s *Staging) link(id store.UploadID, blob string) error {
	s.mu.Lock()
	u := s.open[id]
	data, verified := s.path(id, dataFile), u != nil && u.verified.Load()
	if s.streamed[id] != nil {
		data, verified = s.path(id, ""), true
	}
	s.mu.Unlock()
	if verified {
		err := s.root.Link(data, blob)
		if !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	return s.sameFile(data, blob)
}

// sameFile checks that a blob that is there already is an earlier try of the same upload.
func (s *Staging) sameFile(a, b string) error {
	fa, err := s.root.Stat(a)
	if err != nil {
		return err
	}
	fb, err := s.root.Stat(b)
	if err != nil {
		return err
	}
	if !os.SameFile(fa, fb) {
		return fmt.Errorf("%w: blob exists with other content", store.ErrExists)
	}
	return nil
}
