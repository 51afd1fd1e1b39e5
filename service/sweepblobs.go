package service

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/blinkdrive/blinkdrive/store"
)

// removeGarbage deletes blobs of one place that have been garbage for the grace time. The bytes go before the row: after
// a crash in between the row is found again, and there is nothing left to delete.
func (s *Sweeper) removeGarbage(ctx context.Context, b store.Blobs) (int, error) {
	rows, err := s.Garbage.DueGarbage(ctx, b.Kind(), bucketOf(b, s.Places.Node), s.before(s.Grace, 10*time.Minute), s.batch())
	if err != nil {
		return 0, err
	}
	return each(rows, func(g store.Garbage) error { return s.removeBlob(ctx, b, g.Location) })
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

func (s *Sweeper) removeBlob(ctx context.Context, b store.Blobs, l store.Location) error {
	if b.Locate(l.Name()) != l {
		return fmt.Errorf("garbage %s: %w: not reached from here", l, store.ErrUnavailable)
	}
	// A name that was garbage is never used again, so this cannot happen. A bug elsewhere must not cost a file.
	c, err := s.Contents.Content(ctx, l.Name().Digest())
	if err == nil && c.Location == l {
		s.Log.Error("a blob in use was listed as garbage", "at", l)
		return s.Garbage.DropGarbage(ctx, l)
	} else if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	if err := b.Delete(ctx, l.Name()); err != nil {
		return err
	}
	return s.Garbage.DropGarbage(ctx, l)
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

// sweepOrphans makes garbage of blobs that nothing names: a crash left them, or an upload lost a race.
func (s *Sweeper) sweepOrphans(ctx context.Context, leads bool) error {
	places := []store.Blobs{s.Places.Local}
	if leads {
		places = s.Places.all()
	}
	var errs []error
	for _, b := range places {
		err := findOrphans(ctx, b, s.Contents, s.before(s.OrphanAge, 24*time.Hour), func(l store.Location) error {
			s.Log.Info("orphan", "at", l)
			return disown(ctx, s.Garbage, l, s.Now())
		})
		if err != nil {
			s.Log.Warn("sweep failed", "what", "orphans", "place", b.Kind(), "err", err)
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

// bucketOf returns what the locations of a place have in common: the node, or the bucket.
func bucketOf(b store.Blobs, node store.NodeID) string {
	return b.Locate(store.NewBlobName(store.EmptyDigest, store.NewUploadID(node))).In
}
