package service

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/blinkdrive/blinkdrive/store"
)

// holding runs work while it renews the lease of t in the background, and cancels work when the lease is another's or
// could not be renewed in time. It returns errLost then, whatever work returned.
func (s *Transfers) holding(ctx context.Context, t store.Transfer, work func(context.Context) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	var keeper sync.WaitGroup
	defer keeper.Wait()
	defer cancel(nil)
	keeper.Go(func() {
		if !s.renew(ctx, t) {
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
func (s *Transfers) renew(ctx context.Context, t store.Transfer) bool {
	tick := time.NewTicker(s.leaseTime() / 3)
	defer tick.Stop()
	until := s.Now().Add(s.leaseTime())
	for {
		select {
		case <-ctx.Done():
			return true
		case <-tick.C:
		}
		next := s.Now().Add(s.leaseTime())
		err := s.Rows.SaveTransfer(ctx, t, next)
		switch {
		case err == nil:
			until = next
		case ctx.Err() != nil:
			return true
		case errors.Is(err, store.ErrConflict), s.Now().After(until):
			return false
		}
	}
}
