package service

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/blinkdrive/blinkdrive/mq"
	"github.com/blinkdrive/blinkdrive/store"
)

// Transfers moves blobs from this node's disk to the object store. A job's row is the truth: who holds its lease may
// move the content, every step may be repeated, and the content can be read in every state in between.
type Transfers struct {
	Rows     store.Transfers
	Contents store.Contents
	Garbage  store.GarbageList
	Places   Places
	Queue    mq.Queue
	Now      func() time.Time
	Log      *slog.Logger
	Metrics  *Metrics

	Slots       int                             // transfers at a time; 2
	LeaseTime   time.Duration                   // after which another worker may take over from a dead one; a minute
	ScanEvery   time.Duration                   // how often the rows are looked at, whatever the queue says; 5 s
	AckWithin   time.Duration                   // a message is settled by then, its job done or not; 10 minutes
	MaxAttempts int                             // after which a job is given up; 30, which takes most of a day
	Backoff     func(attempt int) time.Duration // before the next attempt; 2 s doubled each time up to an hour, with jitter
	Step        func(name string)               // a hook for tests
}

var (
	// errLost: another worker has the job, or there is none any more.
	errLost = errors.New("the lease is lost")
	// errPermanent: no repetition can help.
	errPermanent = errors.New("given up")
)

// Handle moves one content, if there is a job for it that is due and that nobody else holds. Its error wraps
// mq.ErrReject where the job has been given up; a failure that is to be tried again is in the row, and no error.
func (s *Transfers) Handle(ctx context.Context, d store.Digest) error {
	_, err := s.handle(ctx, d)
	return err
}

// handle also reports whether it had the lease.
func (s *Transfers) handle(ctx context.Context, d store.Digest) (bool, error) {
	t, err := s.lease(ctx, d)
	if err != nil || t == nil {
		return false, err
	}
	s.step("transfer.leased")
	begun := s.Now()
	if t.Attempts > s.maxAttempts() { // its workers died
		return true, s.settle(ctx, *t, fmt.Errorf("%w: too many attempts; the last error was: %s", errPermanent, t.LastError))
	}
	if err := s.move(ctx, t); err != nil {
		return true, s.settle(ctx, *t, err)
	}
	s.step("transfer.finished")
	s.count(t, begun)
	return true, nil
}

func (s *Transfers) count(t *store.Transfer, begun time.Time) {
	s.Metrics.TransfersDone.Inc()
	s.Metrics.TransferBytes.Add(float64(t.Sums.Size))
	s.Metrics.TransferSeconds.Observe(s.Now().Sub(begun).Seconds())
	s.Metrics.TransferLag.Observe(s.Now().Sub(t.Created).Seconds())
	s.Log.Debug("transferred", "digest", t.Digest, "to", t.To, "size", t.Sums.Size, "attempt", t.Attempts)
}

// reachable reports whether a blob is not on another node's disk.
func (s *Transfers) reachable(l store.Location) bool {
	return l.Kind != store.Local || l.In == string(s.Places.Node)
}

// lease takes the job, or returns nil where there is nothing to do now.
func (s *Transfers) lease(ctx context.Context, d store.Digest) (*store.Transfer, error) {
	c, err := s.Contents.Content(ctx, d)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil // deleted
	} else if err != nil {
		return nil, fmt.Errorf("transfer %s: %w", d, err)
	}
	if !s.reachable(c.Location) {
		return nil, nil // for the worker of that node
	}
	now := s.Now()
	t, err := s.Rows.LeaseTransfer(ctx, d, now, now.Add(s.leaseTime()))
	switch {
	case errors.Is(err, store.ErrNotFound), errors.Is(err, store.ErrBusy):
		return nil, nil // moved, given up, deleted; or in other hands, or not due: the row will be found again
	case errors.Is(err, store.ErrDamaged):
		s.Log.Warn("damaged content is not transferred", "digest", d)
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("transfer %s: %w", d, err)
	}
	return &t, nil
}

// move puts the blob at its destination and records it there.
func (s *Transfers) move(ctx context.Context, t *store.Transfer) error {
	dest, err := s.name(ctx, t)
	if err != nil {
		return err
	}
	s.step("transfer.named")
	if err := s.holding(ctx, *t, func(ctx context.Context) error { return s.put(ctx, *t, dest) }); err != nil {
		return err
	}
	s.step("transfer.put")
	if err := s.Rows.FinishTransfer(ctx, *t, s.Now()); errors.Is(err, store.ErrConflict) {
		return errLost
	} else if err != nil {
		return err
	}
	return nil
}

// name decides where the blob goes and records it in the row before any byte goes there, so that no crash leaves
// bytes that nobody knows.
func (s *Transfers) name(ctx context.Context, t *store.Transfer) (store.Blobs, error) {
	if !t.To.IsZero() {
		return s.Places.Of(t.To)
	}
	dest, err := s.Places.Target(t.Target)
	if err != nil {
		return nil, err
	}
	t.To = dest.Locate(t.From.Name())
	if err := s.Rows.SaveTransfer(ctx, *t, s.Now().Add(s.leaseTime())); errors.Is(err, store.ErrConflict) {
		return nil, errLost
	} else if err != nil {
		return nil, err
	}
	return dest, nil
}

func (s *Transfers) put(ctx context.Context, t store.Transfer, dest store.Blobs) error {
	if t.To == t.From {
		return nil
	}
	src, err := s.Places.Open(ctx, t.From)
	if errors.Is(err, store.ErrNotFound) {
		return s.missing(ctx, t)
	} else if err != nil {
		return err
	}
	defer src.Close()
	err = dest.Put(ctx, t.To.Name(), src, t.Sums)
	if errors.Is(err, store.ErrDigestMismatch) || errors.Is(err, store.ErrLength) {
		return s.suspect(ctx, t, src, err)
	}
	return err
}

// missing says what it means that there is no blob where the row said.
func (s *Transfers) missing(ctx context.Context, t store.Transfer) error {
	c, err := s.Contents.Content(ctx, t.Digest)
	switch {
	case errors.Is(err, store.ErrNotFound), err == nil && c.Location != t.From:
		return errLost // deleted or moved meanwhile
	case err != nil:
		return err
	}
	return s.damaged(ctx, t, fmt.Errorf("%s: %w", t.From, store.ErrNotFound))
}

// suspect reads the source once more: bytes that were spoilt on the way are sent again, a blob that is spoilt is not.
func (s *Transfers) suspect(ctx context.Context, t store.Transfer, src store.Blob, cause error) error {
	sums, err := sumBlob(ctx, src)
	if err != nil {
		return errors.Join(cause, err)
	}
	if sums == t.Sums {
		return fmt.Errorf("spoilt on the way: %w", cause)
	}
	return s.damaged(ctx, t, cause)
}

func (s *Transfers) damaged(ctx context.Context, t store.Transfer, cause error) error {
	s.Log.Error("content is damaged", "digest", t.Digest, "at", t.From, "err", cause)
	err := s.Contents.MarkContent(ctx, t.Digest, t.From, store.ContentDamaged, s.Now())
	if errors.Is(err, store.ErrConflict) {
		return errLost
	} else if err != nil {
		return errors.Join(cause, err)
	}
	return fmt.Errorf("%w: %w: %w", errPermanent, store.ErrDamaged, cause)
}

// settle records in the row how an attempt failed.
func (s *Transfers) settle(ctx context.Context, t store.Transfer, err error) error {
	stopped := ctx.Err() != nil
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTime)
	defer cancel()
	switch {
	case errors.Is(err, errLost):
		s.abandon(ctx, t)
		return nil
	case stopped:
		t.Attempts, t.NextAttempt = max(0, t.Attempts-1), s.Now() // handed back, not failed
	case errors.Is(err, errPermanent), t.Attempts >= s.maxAttempts():
		t.State, t.LastError = store.TransferFailed, err.Error()
	default:
		t.NextAttempt, t.LastError = s.Now().Add(s.backoff(t.Attempts)), err.Error()
	}
	if !stopped {
		s.Metrics.TransfersFailed.Inc()
		s.Log.Warn("transfer failed", "digest", t.Digest, "attempt", t.Attempts, "next", t.NextAttempt, "err", err)
	}
	if rerr := s.Rows.ReleaseTransfer(ctx, t); rerr != nil {
		s.Log.Warn("a transfer was not released; its lease will run out", "digest", t.Digest, "err", rerr)
	}
	s.step("transfer.released")
	if t.State == store.TransferFailed {
		return fmt.Errorf("transfer %s: %w: %w", t.Digest, mq.ErrReject, err)
	}
	return nil
}

// settleTime is how long recording a failure may take.
const settleTime = 10 * time.Second

// abandon leaves a job to whoever has it now. The bytes that we may have put may be nobody's: then they are garbage.
// This must not go by FinishTransfer: a lease that we could not renew may still be ours, and nothing was put.
func (s *Transfers) abandon(ctx context.Context, t store.Transfer) {
	s.Log.Info("a transfer went to another worker, or its content is gone", "digest", t.Digest)
	if t.To.IsZero() {
		return
	}
	err := s.Garbage.AddGarbage(ctx, store.Garbage{Location: t.To, S3Upload: t.S3Upload, Since: s.Now()})
	if err != nil && !errors.Is(err, store.ErrConflict) { // a conflict: somebody uses them
		s.Log.Warn("bytes of a lost transfer were left to the sweeper", "at", t.To, "err", err)
	}
}

func (s *Transfers) step(name string) {
	if s.Step != nil {
		s.Step(name)
	}
}

func (s *Transfers) leaseTime() time.Duration { return orDefault(s.LeaseTime, time.Minute) }

func (s *Transfers) maxAttempts() int { return orDefault(s.MaxAttempts, 30) }

func (s *Transfers) backoff(attempt int) time.Duration {
	if s.Backoff != nil {
		return s.Backoff(attempt)
	}
	d := min(time.Hour, 2*time.Second<<min(max(attempt-1, 0), 16))
	return d/2 + rand.N(d)/2
}

// orDefault returns v, or def where v is zero.
func orDefault[T comparable](v, def T) T {
	var zero T
	if v == zero {
		return def
	}
	return v
}
