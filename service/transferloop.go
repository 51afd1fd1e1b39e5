package service

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/blinkdrive/blinkdrive/mq"
	"github.com/blinkdrive/blinkdrive/store"
)

// Run works until ctx ends; then it hands the leases it has back and returns. Messages wake it; besides, it looks for
// due rows by itself, so that a lost message delays a transfer and no more.
func (s *Transfers) Run(ctx context.Context) error {
	w := &transferLoop{Transfers: s, slots: make(chan struct{}, s.slots()), idle: make(chan struct{}, 1)}
	defer w.running.Wait()
	w.running.Go(func() { w.scan(ctx) })
	err := s.Queue.Consume(ctx, s.slots(), w.receive)
	if ctx.Err() != nil {
		return nil
	}
	return err
}

func (s *Transfers) slots() int { return orDefault(s.Slots, 2) }

// transferLoop is one run of the workers.
type transferLoop struct {
	*Transfers
	slots   chan struct{} // as many as transfers may run at a time
	idle    chan struct{} // tells scan that a slot has become free
	running sync.WaitGroup
	skipped bool // by scan alone: some of the due rows looked at last were of nodes that are not reached
}

// receive handles one message. A broker takes a channel away from those who keep a message for half an hour, so it
// lets go of the message after a while and the transfer goes on.
func (w *transferLoop) receive(ctx context.Context, m mq.Message) error {
	d, err := store.ParseDigest(m.FileHash)
	if err != nil {
		return errors.Join(mq.ErrReject, err)
	}
	select {
	case w.slots <- struct{}{}:
	default:
		return nil // earlier messages were let go; scan will find the row when a slot is free
	}
	done := make(chan error, 1)
	w.running.Go(func() { done <- w.work(ctx, d) })
	late := time.NewTimer(orDefault(w.AckWithin, 10*time.Minute))
	defer late.Stop()
	select {
	case err := <-done:
		return err
	case <-late.C:
		return nil
	}
}

// work handles one content in a slot that it gives back.
func (w *transferLoop) work(ctx context.Context, d store.Digest) error {
	worked, err := w.handle(ctx, d)
	<-w.slots
	if worked { // else nothing has changed, and looking again at once would go on for ever
		select {
		case w.idle <- struct{}{}:
		default:
		}
	}
	if err != nil && !errors.Is(err, mq.ErrReject) {
		w.Log.Warn("could not start transfer", "digest", d, "err", err)
		return nil // the row is still there, and scan will find it when the database answers again
	}
	return err
}

// scan rings for rows that are due, no more of them than there are free slots.
func (w *transferLoop) scan(ctx context.Context) {
	tick := time.NewTicker(orDefault(w.ScanEvery, 5*time.Second))
	defer tick.Stop()
	for {
		w.ring(ctx, cap(w.slots)-len(w.slots))
		select {
		case <-tick.C:
		case <-w.idle:
		case <-ctx.Done():
			return
		}
	}
}

// ring publishes a message for each of up to limit due rows, so that the error queue sees the jobs that end there
// however they were found. Where the queue is down, the work is done without it.
func (w *transferLoop) ring(ctx context.Context, limit int) {
	batch := max(fewDue, 4*limit)
	if w.skipped {
		batch = dueBatch
	}
	w.skipped = false
	due, err := w.Rows.DueTransfers(ctx, w.Now(), batch)
	if err != nil && ctx.Err() == nil {
		w.Log.Warn("could not list due transfers", "err", err)
	}
	slices.SortStableFunc(due, w.ownFirst)
	for _, t := range due {
		if limit == 0 {
			return
		}
		if !w.Places.reach(t.From) {
			w.skipped = true
			continue
		}
		limit--
		if err := publish(ctx, w.Queue, t); err == nil || ctx.Err() != nil {
			continue
		}
		select {
		case w.slots <- struct{}{}:
			w.running.Go(func() { _ = w.work(ctx, t.Digest) }) // its failure is in the row
		default:
		}
	}
}

// ownFirst orders what lies on this node's disk before what others must send: they may be at it themselves.
func (w *transferLoop) ownFirst(a, b store.Transfer) int {
	return cmp.Compare(w.distance(a.From), w.distance(b.From))
}

func (w *transferLoop) distance(l store.Location) int {
	if w.Places.away(l) {
		return 1
	}
	return 0
}

// So many due rows are looked at: few, since that happens with every slot that becomes free, and many where those of nodes
// that are not reached were among the few.
const (
	fewDue   = 16
	dueBatch = 200
)

// publishTime is how long a broker may take with a wake-up, which nobody must wait for.
const publishTime = 2 * time.Second

// publish sends the wake-up for a job.
func publish(ctx context.Context, q mq.Queue, t store.Transfer) error {
	ctx, cancel := context.WithTimeout(ctx, publishTime)
	defer cancel()
	return q.Publish(ctx, transferMessage(t))
}

// transferMessage is the wake-up for a job.
func transferMessage(t store.Transfer) mq.Message {
	m := mq.Message{
		FileHash: t.Digest.String(), CurLocation: t.From.String(),
		DestLocation: string(t.Target), DestStoreType: destStoreType(t.Target),
	}
	if !t.To.IsZero() {
		m.DestLocation = t.To.String()
	}
	return m
}

func destStoreType(k store.Kind) mq.DestStoreType {
	switch k {
	case store.Ceph:
		return mq.StoreCeph
	case store.OSS, store.S3:
		return mq.StoreOSS
	}
	return mq.StoreLocal
}
