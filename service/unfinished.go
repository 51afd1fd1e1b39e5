package service

import (
	"context"
	"errors"
	"fmt"

	"github.com/blinkdrive/blinkdrive/store"
)

// Status returns an open upload of the user with its chunks.
func (s *Uploads) Status(ctx context.Context, user store.UserID, id store.UploadID) (UploadStatus, error) {
	u, err := s.find(ctx, user, id)
	if err != nil {
		return UploadStatus{}, err
	}
	return s.status(ctx, u)
}

// Unfinished returns all open uploads of the user, newest first.
func (s *Uploads) Unfinished(ctx context.Context, user store.UserID) ([]UploadStatus, error) {
	us, err := s.Rows.OpenUploads(ctx, user)
	if err != nil {
		return nil, explain(fmt.Errorf("unfinished uploads: %w", err))
	}
	list := make([]UploadStatus, 0, len(us))
	for _, u := range us {
		st, err := s.status(ctx, u)
		if err != nil {
			return nil, err
		}
		list = append(list, st)
	}
	return list, nil
}

// status reads the chunks from the progress record, and from staging where that is gone.
func (s *Uploads) status(ctx context.Context, u store.Upload) (UploadStatus, error) {
	info, held, err := s.Progress.Held(ctx, u.ID)
	switch {
	case err == nil && info.Layout == u.Layout && info.User == u.User && possible(held, u.Layout):
		return UploadStatus{Upload: u, Held: held}, nil
	case errors.Is(err, store.ErrUnavailable):
		return UploadStatus{}, explain(fmt.Errorf("progress: %w", err))
	case !errors.Is(err, store.ErrNotFound): // it has been spoilt, and is made anew
		s.Log.WarnContext(ctx, "invalid progress record discarded", "upload", u.ID, "err", err)
		if err := s.Progress.Drop(ctx, u.ID); err != nil {
			return UploadStatus{}, explain(fmt.Errorf("progress: %w", err))
		}
	}
	staged, err := s.staged(ctx, u)
	if err != nil {
		return UploadStatus{}, err
	}
	defer staged.Close()
	held = staged.Held()
	return UploadStatus{Upload: u, Held: held}, s.putProgress(ctx, u, held)
}

// possible reports whether an upload may hold these chunks, in ascending order.
func possible(held []int, l store.Layout) bool {
	return len(held) == 0 || held[0] >= 1 && held[len(held)-1] <= l.Count()
}

// Cancel ends an open upload, gives its quota back and removes what was staged. Repeating it is harmless.
func (s *Uploads) Cancel(ctx context.Context, user store.UserID, id store.UploadID) error {
	unlock, err := s.completing.lock(ctx, string(id), s.lockWait())
	if err != nil {
		return err
	}
	defer unlock()
	u, err := s.Rows.Upload(ctx, user, id)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return errorf(NotFound, "upload not found")
	case err != nil:
		return explain(fmt.Errorf("cancel: %w", err))
	case u.State == store.UploadDone:
		return errorf(Conflict, "the upload is already complete")
	case u.State == store.UploadCancelled:
		return nil
	}
	return s.end(ctx, u, "cancelled")
}

// CancelDigest ends the user's open upload of a content.
func (s *Uploads) CancelDigest(ctx context.Context, user store.UserID, d store.Digest) error {
	u, err := s.Rows.OpenUpload(ctx, user, d)
	if errors.Is(err, store.ErrNotFound) {
		return errorf(NotFound, "upload not found")
	} else if err != nil {
		return explain(fmt.Errorf("cancel: %w", err))
	}
	return s.Cancel(ctx, user, u.ID)
}

// end closes an upload without a file. The row goes first: what a crash leaves of the rest is swept.
func (s *Uploads) end(ctx context.Context, u store.Upload, cause string) error {
	if err := s.Rows.EndUpload(ctx, u.ID); err != nil {
		return explain(fmt.Errorf("end upload: %w", err))
	}
	s.Metrics.UploadsEnded.WithLabelValues(cause).Inc()
	s.failed.forget(u.ID)
	return s.clear(ctx, u.ID)
}

// clear removes the progress and the staging of an upload that has ended.
func (s *Uploads) clear(ctx context.Context, id store.UploadID) error {
	if err := s.Progress.Drop(ctx, id); err != nil {
		s.Log.WarnContext(ctx, "could not delete progress; it will expire", "upload", id, "err", err)
	}
	s.step("complete.progress-dropped")
	if err := s.Staging.Remove(ctx, id); err != nil {
		return fmt.Errorf("upload %s: %w", id, err)
	}
	return nil
}
