package service

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/blinkdrive/blinkdrive/store"
)

// heldTime is how long an object store may take to say whether it still has a blob.
const heldTime = 2 * time.Second

// checkHeld looks whether a content that the drive is said to hold is still there, before verified bytes of it are thrown
// away for its sake. One whose store itself says that the blob is gone, or has another size, is marked as damaged, and so the
// new bytes take its place. Where nothing can be learnt in time, the row is believed.
func (s *Uploads) checkHeld(ctx context.Context, d store.Digest) error {
	if s.Contents == nil {
		return nil
	}
	c, err := s.Contents.Content(ctx, d)
	if errors.Is(err, store.ErrNotFound) || err == nil && (c.Status == store.ContentDamaged || s.Places.away(c.Location)) {
		return nil
	} else if err != nil {
		return explain(fmt.Errorf("complete: %w", err))
	}
	gone := s.gone(ctx, c)
	if gone == nil {
		return nil
	}
	// A blob that has moved meanwhile is at another location now, and then nothing is marked.
	err = s.Contents.MarkContent(ctx, d, c.Location, store.ContentDamaged, s.Now())
	if errors.Is(err, store.ErrConflict) || errors.Is(err, store.ErrNotFound) {
		return nil
	} else if err != nil {
		return explain(fmt.Errorf("complete: %w", err))
	}
	s.Log.ErrorContext(ctx, "content damaged; replaced by a new upload", "digest", d, "location", c.Location, "err", gone)
	return nil
}

// gone returns what is wrong with a content's blob, as its store itself says. Nil: nothing, or nobody knows.
func (s *Uploads) gone(ctx context.Context, c store.Content) error {
	ctx, cancel := context.WithTimeout(ctx, heldTime)
	defer cancel()
	blob, err := s.Places.Open(ctx, c.Location)
	if errors.Is(err, store.ErrNotFound) {
		return err
	} else if err != nil {
		s.Log.WarnContext(ctx, "could not check stored content", "digest", c.Sums.Digest, "location", c.Location, "err", err)
		return nil
	}
	defer blob.Close()
	if blob.Size() != c.Sums.Size {
		return fmt.Errorf("%w: got %d bytes, want %d", store.ErrLength, blob.Size(), c.Sums.Size)
	}
	return nil
}
