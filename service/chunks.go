package service

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/blinkdrive/blinkdrive/store"
)

// A Part is one chunk on its way in.
type Part struct {
	Upload store.UploadID
	Index  int
	Digest store.Digest // of the chunk; zero where the client named none
	Length int64        // of the body; -1 where it is not known
}

// PutChunk stores one chunk of an upload. Repeating it is harmless. Nothing is read of a body that cannot be right.
func (s *Uploads) PutChunk(ctx context.Context, user store.UserID, p Part, body io.Reader) error {
	u, err := s.find(ctx, user, p.Upload)
	if err != nil {
		return s.chunkFailed("upload", err)
	}
	if !u.Layout.Has(p.Index) {
		return s.chunkFailed("index", errorf(Invalid, "chunk index must be between 1 and %d, got %d", u.Layout.Count(), p.Index))
	}
	_, length := u.Layout.Extent(p.Index)
	if p.Length >= 0 && p.Length != length {
		return s.chunkFailed("length", errorf(Invalid, "chunk %d must have %d bytes, got %d", p.Index, length, p.Length))
	}
	staged, err := s.staged(ctx, u)
	if err != nil {
		return s.chunkFailed("staging", err)
	}
	defer staged.Close()
	fresh, err := staged.WriteChunk(ctx, p.Index, body, p.Digest)
	if err != nil {
		return s.chunkFailed(chunkCause(err), chunkError(p.Index, err))
	}
	if fresh {
		s.Metrics.ChunksStored.Inc()
		s.Metrics.BytesReceived.Add(float64(length))
	}
	s.renew(ctx, u)
	// Progress last: a crash before this line is mended from staging's journal, a mark before the bytes would be a
	// hole in the file.
	return s.mark(ctx, u, staged, p.Index)
}

// renew moves the expiry of an upload that has made progress, twice in its time to live and not with every chunk. It is
// no reason to refuse bytes that are held.
func (s *Uploads) renew(ctx context.Context, u store.Upload) {
	if u.Expires.Sub(s.Now()) > s.ttl()/2 {
		return
	}
	if err := s.Keeper.ExtendUpload(ctx, u.ID, s.Now().Add(s.ttl())); err != nil {
		s.Log.WarnContext(ctx, "could not extend the lifetime of the upload", "upload", u.ID, "err", err)
	}
}

// mark adds a chunk to the progress record, which is rebuilt from staging where it is gone.
func (s *Uploads) mark(ctx context.Context, u store.Upload, staged store.Staged, index int) error {
	_, err := s.Progress.Mark(ctx, u.ID, index, s.ttl())
	switch {
	case err == nil:
		return nil
	case errors.Is(err, store.ErrUnavailable):
		return explain(fmt.Errorf("progress: %w", err))
	case !errors.Is(err, store.ErrNotFound): // it has been spoilt, and is made anew
		s.Log.WarnContext(ctx, "invalid progress record discarded", "upload", u.ID, "err", err)
		if err := s.Progress.Drop(ctx, u.ID); err != nil {
			return explain(fmt.Errorf("progress: %w", err))
		}
	}
	return s.putProgress(ctx, u, staged.Held())
}

func (s *Uploads) putProgress(ctx context.Context, u store.Upload, held []int) error {
	info := store.ProgressInfo{Upload: u.ID, User: u.User, Digest: u.Digest, Layout: u.Layout}
	if err := s.Progress.Put(ctx, info, held, s.ttl()); err != nil {
		return explain(fmt.Errorf("progress: %w", err))
	}
	return nil
}

// chunkError says what is wrong with a chunk.
func chunkError(index int, err error) error {
	msg := ""
	switch {
	case errors.Is(err, store.ErrLength):
		return &Error{Kind: Invalid, Msg: fmt.Sprintf("chunk %d has the wrong length", index), Cause: err}
	case errors.Is(err, store.ErrConflict):
		msg = fmt.Sprintf("chunk %d was already stored with other bytes", index)
		return &Error{Kind: Conflict, Msg: msg, Cause: err}
	case errors.Is(err, store.ErrBusy):
		msg = fmt.Sprintf("another request is sending chunk %d; try again", index)
		return &Error{Kind: Busy, Msg: msg, Cause: err}
	case errors.Is(err, store.ErrDigestMismatch):
		msg = fmt.Sprintf("chunk %d does not match its SHA-1", index)
		return &Error{Kind: DigestMismatch, Msg: msg, Cause: err}
	case errors.Is(err, io.ErrUnexpectedEOF):
		return &Error{Kind: CutOff, Msg: "the request body ended early", Cause: err}
	}
	return explain(fmt.Errorf("chunk %d: %w", index, err))
}

// chunkCause names a failure for the metrics.
func chunkCause(err error) string {
	for _, c := range []struct {
		err  error
		name string
	}{
		{store.ErrLength, "length"}, {store.ErrDigestMismatch, "digest"}, {store.ErrConflict, "conflict"},
		{store.ErrNoSpace, "space"}, {store.ErrBusy, "busy"},
	} {
		if errors.Is(err, c.err) {
			return c.name
		}
	}
	if k := KindOf(err); k == CutOff || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, context.Canceled) {
		return "cut off"
	}
	return "other"
}

func (s *Uploads) chunkFailed(cause string, err error) error {
	s.Metrics.ChunkFailures.WithLabelValues(cause).Inc()
	return err
}
