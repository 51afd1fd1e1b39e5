package service

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/blinkdrive/blinkdrive/store"
)

// removeGarbage deletes blobs of one place that have been garbage for the grace time. The bytes go before the row: after
// a crash in between the row is found again, and there is nothing left to delete.
func (s *Sweeper) removeGarbage(ctx context.Context, b store.Blobs) (int, error) {
	rows, err := s.Garbage.DueGarbage(ctx, b.Kind(), garbageIn(b, s.Places.Node), s.before(s.Grace, 10*time.Minute), s.batch())
	if err != nil {
		return 0, err
	}
	return each(rows, func(g store.Garbage) error { return s.removeBlob(ctx, b, g) })
}

func (s *Sweeper) removeRemote(ctx context.Context) (int, error) {
	var most int
	var errs []error
	for _, b := range s.Places.Objects {
		n, err := s.removeGarbage(ctx, b)
		most, errs = max(most, n), append(errs, err)
	}
	return most, errors.Join(errs...)
}

func (s *Sweeper) removeBlob(ctx context.Context, b store.Blobs, g store.Garbage) error {
	l := g.Location
	if b.Locate(l.Name()) != l {
		return fmt.Errorf("garbage %s: %w: not reachable from this node", l, store.ErrUnavailable)
	}
	// A name that was garbage is never used again, so this cannot happen. A bug elsewhere must not cost a file.
	c, err := s.Contents.Content(ctx, l.Name().Digest())
	if err == nil && c.Location == l {
		s.Log.Error("blob in use was listed as garbage; entry removed", "location", l)
		return s.Garbage.DropGarbage(ctx, l)
	} else if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	// A multipart upload goes before the blob: the other way round a worker that has not noticed yet could finish it.
	if parts, ok := b.(store.ResumableBlobs); ok && g.S3Upload != "" {
		if err := parts.AbortMultipart(ctx, l.Name(), g.S3Upload); err != nil {
			return err
		}
	}
	if err := b.Delete(ctx, l.Name()); err != nil {
		return err
	}
	return s.Garbage.DropGarbage(ctx, l)
}

// abortMultiparts removes the unfinished multipart uploads of all object stores that are old and that no row names: their
// worker died between beginning and recording them. Those of others in the same bucket are left alone.
func (s *Sweeper) abortMultiparts(ctx context.Context) error {
	var errs []error
	for _, b := range s.Places.Objects {
		parts, ok := b.(store.ResumableBlobs)
		if !ok {
			continue
		}
		err := findMultiparts(ctx, parts, s.Garbage, s.before(s.MultipartAge, 24*time.Hour), func(m store.Multipart) error {
			s.Log.Info("abandoned multipart upload found", "location", b.Locate(m.Name), "begun", m.Begun)
			return parts.AbortMultipart(ctx, m.Name, m.Upload)
		})
		if err != nil {
			s.Log.Warn("could not sweep", "what", "multipart uploads", "store", b.Kind(), "err", err)
			errs = append(errs, fmt.Errorf("sweep multipart uploads: %w", err))
		}
	}
	return errors.Join(errs...)
}

// findMultiparts calls fn with each of our multipart uploads that was begun before a time and that no row names.
func findMultiparts(ctx context.Context, b store.ResumableBlobs, rows store.GarbageList, before time.Time, fn func(store.Multipart) error) error {
	return b.ListMultiparts(ctx, func(m store.Multipart) error {
		if _, err := store.ParseBlobName(string(m.Name)); err != nil || !m.Begun.Before(before) {
			return nil //nolint:nilerr // it is not ours
		}
		used, err := rows.MultipartInUse(ctx, m.Name, m.Upload)
		if err != nil || used {
			return err
		}
		return fn(m)
	})
}

// sweepStaging removes what this node has staged of uploads that have ended. A place whose upload has no row is left
// for a while: the row may be about to be written, and a form that is being streamed never has one.
func (s *Sweeper) sweepStaging(ctx context.Context) (int, error) {
	var errs []error
	young := s.before(s.StagingAge, time.Hour)
	err := s.Staging.List(ctx, func(id store.UploadID, modified time.Time) error {
		u, err := s.Keeper.UploadByID(ctx, id)
		switch {
		case errors.Is(err, store.ErrNotFound) && modified.After(young):
			return nil
		case err == nil && u.State == store.UploadOpen:
			return nil
		case err == nil || errors.Is(err, store.ErrNotFound):
			err = s.Staging.Remove(ctx, id)
		}
		errs = append(errs, err)
		return ctx.Err()
	})
	return 0, errors.Join(append(errs, err)...)
}

func (s *Sweeper) orphansDue() bool {
	now := s.Now()
	if !s.orphansAt.IsZero() && now.Sub(s.orphansAt) < orDefault(s.OrphanEvery, 6*time.Hour) {
		return false
	}
	s.orphansAt = now
	return true
}

// sweepOrphans makes garbage of blobs that nothing names: a crash left them, or an upload lost a race. It also aborts
// multipart uploads that nobody will go on with.
func (s *Sweeper) sweepOrphans(ctx context.Context, leads bool) error {
	var places []store.Blobs
	var errs []error
	if leads {
		places = s.Places.all()
		errs = append(errs, s.abortMultiparts(ctx))
	} else if s.Places.Local != nil {
		places = []store.Blobs{s.Places.Local}
	}
	for _, b := range places {
		err := findOrphans(ctx, b, s.Contents, s.before(s.OrphanAge, 24*time.Hour), func(l store.Location) error {
			s.Log.Info("orphaned blob found", "location", l)
			return disown(ctx, s.Garbage, l, s.Now())
		})
		if err != nil {
			s.Log.Warn("could not sweep", "what", "orphans", "store", b.Kind(), "err", err)
			errs = append(errs, fmt.Errorf("sweep orphans: %w", err))
		}
	}
	return errors.Join(errs...)
}

// findOrphans calls fn with each blob of a place that was there before a time and that nothing names.
func findOrphans(ctx context.Context, b store.Blobs, contents store.Contents, before time.Time, fn func(store.Location) error) error {
	return b.List(ctx, func(info store.BlobInfo) error {
		if !info.Modified.Before(before) {
			return nil
		}
		used, err := contents.BlobInUse(ctx, info.Name)
		if err != nil || used {
			return err
		}
		return fn(b.Locate(info.Name))
	})
}

// disown lists an orphan as garbage, unless a content has taken it meanwhile.
func disown(ctx context.Context, list store.GarbageList, l store.Location, now time.Time) error {
	err := list.AddGarbage(ctx, store.Garbage{Location: l, Since: now})
	if errors.Is(err, store.ErrConflict) {
		return nil
	}
	return err
}

// garbageIn returns what the locations of a place have in common, as DueGarbage wants it: the node, or the beginning.
func garbageIn(b store.Blobs, node store.NodeID) string {
	name := store.NewBlobName(store.EmptyDigest, store.NewUploadID(node))
	l := b.Locate(name)
	if l.Kind == store.Local {
		return l.In
	}
	return strings.TrimSuffix(l.String(), name.Key())
}
