package service

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/blinkdrive/blinkdrive/mq"
	"github.com/blinkdrive/blinkdrive/store"
)

// defaultTrashTTL is how long the trash keeps an entry where nobody says.
const defaultTrashTTL = 30 * 24 * time.Hour

// Sweeper removes what nobody needs any more. One node, the leader, sweeps what is shared; every node sweeps its own
// disk. Two leaders for a moment do no harm: each step is conditional in SQL and may be repeated.
type Sweeper struct {
	Uploads  store.Uploads
	Keeper   store.UploadKeeper
	Tokens   store.Tokens
	Rows     store.Transfers
	Changes  store.EntryChanges
	Garbage  store.GarbageList
	Contents store.Contents
	Staging  store.Staging // nil in a process without a staging disk
	Progress store.Progress
	Leader   store.Leader
	Expiries store.Expiries // what the leader watches so that uploads end as soon as they expire; nil: the sweep ends them
	Queue    mq.Queue
	Places   Places // with the sweeper's own node, and its disk if it has one
	Now      func() time.Time
	Log      *slog.Logger
	Metrics  *Metrics

	Grace       time.Duration // between a blob's becoming garbage and its removal; 10 minutes
	TrashTTL    time.Duration // how long the trash keeps an entry; 30 days, less than 0 is for ever
	ForgetAfter time.Duration // how long an ended upload is remembered; 7 days
	StagingAge  time.Duration // staging without a row is left alone for so long; an hour
	OrphanAge   time.Duration // a blob that nothing names is left alone for so long; a day
	// MultipartAge is how long an unfinished multipart upload of an object store that no row names is left alone; a day.
	MultipartAge time.Duration
	OrphanEvery  time.Duration // how often all blobs are looked at; 6 hours
	OverdueBy    time.Duration // a transfer that is due for so long gets another message; 10 minutes
	Batch        int           // rows at a time; 200

	orphansAt time.Time // the last look at all blobs
	named     sync.Once
	name      store.NodeID // see id
}

// Run sweeps every so often until ctx ends. It may be called once.
func (s *Sweeper) Run(ctx context.Context, every time.Duration) error {
	tick := time.NewTicker(every)
	defer tick.Stop()
	w := &watch{Sweeper: s}
	defer w.stop()
	for {
		// Each failure has been logged; the next sweep tries again.
		leads, _ := s.once(ctx, 3*every)
		w.follow(ctx, leads)
		select {
		case <-tick.C:
		case <-ctx.Done():
			s.resign(ctx)
			return nil
		}
	}
}

func (s *Sweeper) resign(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTime)
	defer cancel()
	if err := s.Leader.Resign(ctx, s.id()); err != nil {
		s.Log.Warn("could not resign leadership; it will expire", "err", err)
	}
}

// Once sweeps everything once. A step that fails does not keep the others from running.
func (s *Sweeper) Once(ctx context.Context) error {
	_, err := s.once(ctx, time.Minute)
	return err
}

// once also reports whether this process leads, for a term.
func (s *Sweeper) once(ctx context.Context, term time.Duration) (bool, error) {
	leads, err := s.Leader.Lead(ctx, s.id(), term)
	if err != nil {
		s.Log.Warn("could not elect a leader for the sweep", "err", err)
	}
	errs := []error{err}
	if leads {
		errs = append(errs, s.sweepShared(ctx))
	}
	errs = append(errs, s.sweepNode(ctx))
	if s.orphansDue() {
		errs = append(errs, s.sweepOrphans(ctx, leads))
	}
	return leads, errors.Join(errs...)
}

// id is who this process is in the election: its node, or where it has none, a name for as long as it runs.
func (s *Sweeper) id() store.NodeID {
	s.named.Do(func() {
		if s.name = s.Places.Node; s.name == "" {
			s.name = store.NewNodeID()
		}
	})
	return s.name
}

// A sweep handles one batch and says how many it was able to handle.
type sweep struct {
	name string
	do   func(context.Context) (int, error)
}

func (s *Sweeper) sweepShared(ctx context.Context) error {
	return s.all(ctx, []sweep{
		{"expired uploads", s.endExpired},
		{"ended uploads", s.forgetEnded},
		{"expired tokens", s.expireTokens},
		{"overdue transfers", s.ringOverdue},
		{"old trash", s.purgeOld},
		{"garbage in object stores", s.removeRemote},
	})
}

func (s *Sweeper) sweepNode(ctx context.Context) error {
	if s.Places.Local == nil {
		return nil
	}
	return s.all(ctx, []sweep{
		{"garbage", func(ctx context.Context) (int, error) { return s.removeGarbage(ctx, s.Places.Local) }},
		{"staging", s.sweepStaging},
	})
}

// all runs each sweep until it does less than a full batch.
func (s *Sweeper) all(ctx context.Context, sweeps []sweep) error {
	var errs []error
	for _, w := range sweeps {
		total := 0
		for ctx.Err() == nil {
			n, err := w.do(ctx)
			total += n
			if err != nil {
				s.Log.Warn("could not sweep", "what", w.name, "err", err)
				errs = append(errs, fmt.Errorf("sweep %s: %w", w.name, err))
			}
			if err != nil || n < s.batch() {
				break
			}
		}
		if total > 0 {
			s.Log.Info("swept", "what", w.name, "count", total)
		}
	}
	return errors.Join(errs...)
}

// endExpired gives back what expired uploads had reserved.
func (s *Sweeper) endExpired(ctx context.Context) (int, error) {
	expired, err := s.Keeper.ExpiredUploads(ctx, s.Now(), s.batch())
	if err != nil {
		return 0, err
	}
	// Ending those before it took its time, and a chunk may have come meanwhile, so each is looked at again.
	return each(expired, func(u store.Upload) error { return s.endIfExpired(ctx, u.ID) })
}

// endIfExpired ends an upload whose row says that its time is over. What another node has staged is swept there.
func (s *Sweeper) endIfExpired(ctx context.Context, id store.UploadID) error {
	u, err := s.Keeper.UploadByID(ctx, id)
	switch {
	case errors.Is(err, store.ErrNotFound), err == nil && u.State != store.UploadOpen, err == nil && u.Expires.After(s.Now()):
		return nil
	case err != nil:
		return err
	}
	err = s.Uploads.EndUpload(ctx, id)
	if errors.Is(err, store.ErrConflict) || errors.Is(err, store.ErrNotFound) {
		return nil // completed at the last moment; or another sweeper was faster
	} else if err != nil {
		return err
	}
	s.Metrics.UploadsEnded.WithLabelValues("expired").Inc()
	return errors.Join(s.Progress.Drop(ctx, id), s.dropStaging(ctx, id))
}

func (s *Sweeper) dropStaging(ctx context.Context, id store.UploadID) error {
	if s.Staging == nil || id.Node() != s.Places.Node {
		return nil
	}
	return s.Staging.Remove(ctx, id)
}

func (s *Sweeper) forgetEnded(ctx context.Context) (int, error) {
	_, err := s.Keeper.ForgetUploads(ctx, s.before(s.ForgetAfter, 7*24*time.Hour))
	return 0, err // it takes all at once
}

func (s *Sweeper) expireTokens(ctx context.Context) (int, error) {
	_, err := s.Tokens.ExpireTokens(ctx, s.Now())
	return 0, err
}

// ringOverdue publishes the messages of jobs that no worker has found yet. The workers look for themselves, so one
// batch is enough.
func (s *Sweeper) ringOverdue(ctx context.Context) (int, error) {
	due, err := s.Rows.DueTransfers(ctx, s.before(s.OverdueBy, 10*time.Minute), s.batch())
	if err != nil {
		return 0, err
	}
	_, err = each(due, func(t store.Transfer) error { return publish(ctx, s.Queue, t) })
	return 0, err
}

func (s *Sweeper) purgeOld(ctx context.Context) (int, error) {
	if s.TrashTTL < 0 {
		return 0, nil
	}
	old, err := s.Changes.TrashedBefore(ctx, s.before(s.TrashTTL, defaultTrashTTL), s.batch())
	if err != nil {
		return 0, err
	}
	return each(old, func(e store.Entry) error {
		err := s.Changes.PurgeUnchanged(ctx, e, s.Now())
		if errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrConflict) {
			return nil // restored, perhaps deleted again, or purged by its owner
		}
		return err
	})
}

func (s *Sweeper) batch() int { return orDefault(s.Batch, 200) }

// before returns the time that lies d, or def where d is not set, in the past.
func (s *Sweeper) before(d, def time.Duration) time.Time { return s.Now().Add(-orDefault(d, def)) }

// each calls fn for all, counts those that it could handle, and joins the errors of the others.
func each[T any](ts []T, fn func(T) error) (done int, err error) {
	for _, t := range ts {
		if ferr := fn(t); ferr != nil {
			err = errors.Join(err, ferr)
		} else {
			done++
		}
	}
	return done, err
}
