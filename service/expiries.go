package service

import (
	"context"
	"sync"
	"time"

	"github.com/blinkdrive/blinkdrive/store"
)

// A watch listens for uploads that expire while this process leads, and only then: of many processes each would hear
// the same. What it hears is a hint. The upload's row decides, and what is not heard the sweep finds.
type watch struct {
	*Sweeper
	cancel  context.CancelFunc // nil while nothing is watched
	running sync.WaitGroup
}

// follow starts or stops watching as leadership comes and goes.
func (w *watch) follow(ctx context.Context, leads bool) {
	switch {
	case !leads:
		w.stop()
	case w.cancel == nil && w.Expiries != nil && ctx.Err() == nil:
		ctx, w.cancel = context.WithCancel(ctx)
		w.running.Go(func() { w.listen(ctx) })
	}
}

// stop returns when no event is handled any more.
func (w *watch) stop() {
	if w.cancel == nil {
		return
	}
	w.cancel()
	w.running.Wait()
	w.cancel = nil
}

func (w *watch) listen(ctx context.Context) {
	for ctx.Err() == nil {
		err := w.Expiries.Watch(ctx, func(id store.UploadID) { w.expired(ctx, id) })
		if ctx.Err() != nil {
			return
		}
		w.Log.Warn("could not watch for expired uploads; the sweeper will find them", "err", err)
		_ = waitUntil(ctx, time.Now().Add(rewatchTime))
	}
}

// rewatchTime passes before watching is begun anew.
const rewatchTime = 5 * time.Second

func (w *watch) expired(ctx context.Context, id store.UploadID) {
	if err := w.endIfExpired(ctx, id); err != nil && ctx.Err() == nil {
		w.Log.Warn("could not end expired upload; the sweeper will", "upload", id, "err", err)
	}
}
