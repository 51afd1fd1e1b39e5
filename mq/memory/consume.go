package memory

import (
	"container/heap"
	"context"
	"errors"
	"sync"
	"time"

	"github.com/blinkdrive/blinkdrive/mq"
)

// Consume implements mq.Queue.
func (q *Queue) Consume(ctx context.Context, workers int, fn func(context.Context, mq.Message) error) error {
	work, stop := context.WithCancel(ctx)
	defer stop()
	defer q.ring() // a worker that leaves may have taken the ring that another consumer waits for
	go func() {
		select {
		case <-q.closed:
			stop()
		case <-work.Done():
		}
	}()
	var wg sync.WaitGroup
	for range max(workers, 1) {
		wg.Go(func() {
			for it := q.next(work); it != nil; it = q.next(work) {
				q.settle(work, it, fn(work, it.message))
			}
		})
	}
	wg.Wait()
	if err := ctx.Err(); err != nil {
		return err
	}
	return mq.ErrClosed
}

// next waits for a message that is due and takes it to work. It returns nil when there is no more work to do.
func (q *Queue) next(ctx context.Context) *item {
	for {
		it, wait := q.take()
		if ctx.Err() != nil || q.isClosed() {
			q.putBack(it)
			return nil
		}
		if it != nil {
			return it
		}
		timer := time.NewTimer(wait)
		select {
		case <-q.bell:
		case <-timer.C:
		case <-ctx.Done():
		case <-q.closed:
		}
		timer.Stop()
	}
}

// idle is how long a worker sleeps when nothing is scheduled; the bell wakes it.
const idle = time.Hour

// take removes the first message that is due from those that wait, or says how long until there is one.
func (q *Queue) take() (*item, time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) == 0 {
		return nil, idle
	}
	if wait := time.Until(q.waiting[0].due); wait > 0 {
		return nil, wait
	}
	it := heap.Pop(&q.waiting).(*item)
	if len(q.waiting) > 0 {
		q.ring() // the next one is for the next worker
	}
	return it, 0
}

func (q *Queue) putBack(it *item) {
	if it == nil {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.schedule(it, it.due)
}

// settle decides what becomes of a message after a delivery.
func (q *Queue) settle(ctx context.Context, it *item, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := time.Now()
	if err != nil && ctx.Err() != nil {
		q.schedule(it, now) // the consumer was stopped, which says nothing about the message
		return
	}
	it.deliveries++
	switch {
	case it.again != nil:
		if errors.Is(err, mq.ErrReject) { // the other message may fare better
			q.setAside(Failed{Message: it.message, Deliveries: it.deliveries, Err: err, When: now})
		}
		it.message, it.again, it.deliveries = *it.again, nil, 0
		q.schedule(it, now)
	case err == nil:
		delete(q.items, it.message.FileHash)
	case errors.Is(err, mq.ErrReject) || it.deliveries >= q.opts.Deliveries:
		delete(q.items, it.message.FileHash)
		q.setAside(Failed{Message: it.message, Deliveries: it.deliveries, Err: err, When: now})
	default:
		q.schedule(it, now.Add(q.opts.Delay<<min(2*(it.deliveries-1), 10)))
	}
}

func (q *Queue) setAside(f Failed) {
	if n := len(q.failed) - q.opts.MaxErrors + 1; n > 0 {
		q.failed = append(q.failed[:0], q.failed[n:]...)
	}
	q.failed = append(q.failed, f)
}

// atWork is the place of an item that is not waiting.
const atWork = -1

// An item is a message in the queue.
type item struct {
	message    mq.Message
	deliveries int
	again      *mq.Message // published once more while at work
	due        time.Time
	seq        uint64 // keeps those that are due together in order
	at         int    // place in the schedule, or atWork
}

// schedule is a heap of the items that wait, the first due first.
type schedule []*item

func (s schedule) Len() int { return len(s) }

func (s schedule) Less(i, j int) bool {
	if c := s[i].due.Compare(s[j].due); c != 0 {
		return c < 0
	}
	return s[i].seq < s[j].seq
}

func (s schedule) Swap(i, j int) {
	s[i], s[j] = s[j], s[i]
	s[i].at, s[j].at = i, j
}

func (s *schedule) Push(x any) {
	it := x.(*item)
	it.at = len(*s)
	*s = append(*s, it)
}

func (s *schedule) Pop() any {
	last := len(*s) - 1
	it := (*s)[last]
	(*s)[last] = nil
	*s = (*s)[:last]
	it.at = atWork
	return it
}
