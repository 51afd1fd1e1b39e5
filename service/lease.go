package service

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/blinkdrive/blinkdrive/store"
)

// A job is a transfer whose lease this worker has taken. Two write its row: the work, when it names the destination or
// begins a multipart upload, and the keeper of the lease. Each writes all that is known of the job, one at a time, so
// that no renewal takes back what the work has recorded. One that the database carries out late, after its caller has
// given up, is put right by the next renewal.
type job struct {
	*Transfers
	mu    sync.Mutex
	t     store.Transfer // as recorded
	until time.Time      // of the lease
}

// transfer returns the job as it was last recorded.
func (j *job) transfer() store.Transfer {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.t
}

// record makes a change to the row durable, and renews the lease with it. errLost: the lease is another's. After another
// error nobody knows whether the row has the change; the job goes on without it.
func (j *job) record(ctx context.Context, change func(*store.Transfer)) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	t, until := j.t, j.Now().Add(j.leaseTime())
	change(&t)
	// A database that hangs must not keep the lease's keeper from seeing that it has run out.
	ctx, cancel := context.WithTimeout(ctx, max(j.leaseTime(), settleTime))
	defer cancel()
	err := j.Rows.SaveTransfer(ctx, t, until)
	if errors.Is(err, store.ErrConflict) {
		return errLost
	} else if err != nil {
		return err
	}
	j.t, j.until = t, until
	return nil
}

// ranOut reports whether the lease has.
func (j *job) ranOut() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.Now().After(j.until)
}

// holding runs work while it renews the lease in the background, and cancels work when the lease is another's or
// could not be renewed in time. It returns errLost then, whatever work returned.
func (j *job) holding(ctx context.Context, work func(context.Context) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	var keeper sync.WaitGroup
	defer keeper.Wait()
	defer cancel(nil)
	keeper.Go(func() {
		if !j.renew(ctx) {
			cancel(errLost)
		}
	})
	err := work(ctx)
	if errors.Is(context.Cause(ctx), errLost) {
		return errLost
	}
	return err
}

// renew keeps the lease until ctx ends; it returns false when the lease is lost.
func (j *job) renew(ctx context.Context) bool {
	tick := time.NewTicker(j.leaseTime() / 3)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return true
		case <-tick.C:
		}
		err := j.record(ctx, func(*store.Transfer) {})
		switch {
		case err == nil:
		case ctx.Err() != nil:
			return true
		case errors.Is(err, errLost), j.ranOut():
			return false
		}
	}
}
