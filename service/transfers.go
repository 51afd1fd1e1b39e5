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

// Transfers moves blobs from the disk of this node, and of others that it reaches, to the object store. A job's row is the truth: who holds its lease may
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
	Bandwidth   int64                           // bytes per second that all transfers together read for an object store; 0: no limit
	LeaseTime   time.Duration                   // after which another worker may take over from a dead one; a minute
	ScanEvery   time.Duration                   // how often the rows are looked at, whatever the queue says; 5 s
	AckWithin   time.Duration                   // a message is settled by then, its job done or not; 10 minutes
	MaxAttempts int                             // after which a job is given up; 30, which takes most of a day
	Backoff     func(attempt int) time.Duration // before the next attempt; 2 s doubled each time up to an hour, with jitter
	Step        func(name string)               // a hook for tests

	throttle throttle
}

var (
	// errLost: another worker has the job, or there is none any more.
	errLost = errors.New("lease lost")
	// errPermanent: no repetition can help.
	errPermanent = errors.New("given up")
	// errAway: the node that has the blob is unreachable, which says nothing about the job.
	errAway = errors.New("blob unreachable")
)

// Handle moves one content, if there is a job for it that is due and that nobody else holds. Its error wraps
// mq.ErrReject where the job has been given up; a failure that is to be tried again is in the row, and no error.
func (s *Transfers) Handle(ctx context.Context, d store.Digest) error {
	_, err := s.handle(ctx, d)
	return err
}

// handle also reports whether it had the lease.
func (s *Transfers) handle(ctx context.Context, d store.Digest) (bool, error) {
	j, err := s.lease(ctx, d)
	if err != nil || j == nil {
		return false, err
	}
	s.step("transfer.leased")
	begun := s.Now()
	if t := j.transfer(); t.Attempts > s.maxAttempts() { // its workers died
		return true, s.settle(ctx, t, fmt.Errorf("%w: too many attempts; the last error was: %s", errPermanent, t.LastError))
	}
	if err := j.move(ctx); err != nil {
		return true, s.settle(ctx, j.transfer(), err)
	}
	s.step("transfer.finished")
	s.count(j.transfer(), begun)
	return true, nil
}

func (s *Transfers) count(t store.Transfer, begun time.Time) {
	s.Metrics.TransfersDone.Inc()
	s.Metrics.TransferBytes.Add(float64(t.Sums.Size))
	s.Metrics.TransferSeconds.Observe(s.Now().Sub(begun).Seconds())
	s.Metrics.TransferLag.Observe(s.Now().Sub(t.Created).Seconds())
	s.Log.Debug("transfer finished", "digest", t.Digest, "to", t.To, "size", t.Sums.Size, "attempt", t.Attempts)
}

// lease takes the job, or returns nil where there is nothing to do now.
func (s *Transfers) lease(ctx context.Context, d store.Digest) (*job, error) {
	c, err := s.Contents.Content(ctx, d)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil // deleted
	} else if err != nil {
		return nil, fmt.Errorf("transfer %s: %w", d, err)
	}
	if !s.Places.reach(c.Location) {
		return nil, nil // for the worker of that node
	}
	now := s.Now()
	until := now.Add(s.leaseTime())
	t, err := s.Rows.LeaseTransfer(ctx, d, now, until, s.destination)
	switch {
	case errors.Is(err, store.ErrNotFound), errors.Is(err, store.ErrBusy):
		return nil, nil // moved, given up, deleted; or in other hands, or not due: the row will be found again
	case errors.Is(err, store.ErrDamaged):
		s.Log.Warn("transfer of damaged content skipped", "digest", d)
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("transfer %s: %w", d, err)
	}
	return &job{Transfers: s, t: t, until: until}, nil
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
	default:
		s.failed(&t, err)
	}
	if rerr := s.Rows.ReleaseTransfer(ctx, t); rerr != nil {
		s.Log.Warn("could not release transfer; its lease will expire", "digest", t.Digest, "err", rerr)
	}
	s.step("transfer.released")
	if t.State == store.TransferFailed {
		return fmt.Errorf("transfer %s: %w: %w", t.Digest, mq.ErrReject, err)
	}
	return nil
}

// failed decides when, and whether, a job is tried again after err. An outage is not the job's fault, and nobody
// should have to replay jobs after one: they are never given up for that, and are soon tried again.
func (s *Transfers) failed(t *store.Transfer, err error) {
	wait, level := s.backoff(t.Attempts), slog.LevelWarn
	switch {
	case errors.Is(err, errPermanent):
		t.State = store.TransferFailed
	case errors.Is(err, errAway):
		t.Attempts, wait, level = max(0, t.Attempts-1), awayTime/2+rand.N(awayTime/2), slog.LevelInfo
	case errors.Is(err, store.ErrUnavailable):
		t.Attempts, wait = min(t.Attempts, s.maxAttempts()-1), min(wait, outageTime)
	case t.Attempts >= s.maxAttempts():
		t.State = store.TransferFailed
	}
	t.LastError = err.Error()
	if t.State == store.TransferPending {
		t.NextAttempt = s.Now().Add(wait)
	}
	s.Metrics.TransfersFailed.Inc()
	s.Log.Log(context.Background(), level, "transfer failed",
		"digest", t.Digest, "attempt", t.Attempts, "next", t.NextAttempt, "err", err)
}

const (
	awayTime   = 20 * time.Second // at most, before a blob is looked for again whose node was out of reach
	outageTime = 30 * time.Second // at most, before an object store is tried again that could not be reached
)

// settleTime is how long recording a failure may take.
const settleTime = 10 * time.Second

// abandon leaves a job to whoever has it now. The bytes that we may have put may be nobody's: then they are garbage. A
// multipart upload that the row names is the other worker's too, who goes on with it: nothing is aborted here.
// This must not go by FinishTransfer: a lease that we could not renew may still be ours, and nothing was put.
func (s *Transfers) abandon(ctx context.Context, t store.Transfer) {
	s.Log.Info("transfer abandoned: taken over by another worker, or the content was deleted", "digest", t.Digest)
	if t.To.IsZero() {
		return
	}
	err := s.Garbage.AddGarbage(ctx, store.Garbage{Location: t.To, S3Upload: t.S3Upload, Since: s.Now()})
	if err != nil && !errors.Is(err, store.ErrConflict) { // a conflict: somebody uses them
		s.Log.Warn("could not record the bytes of an abandoned transfer as garbage; the sweeper will find them", "location", t.To, "err", err)
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
