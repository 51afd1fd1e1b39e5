package memory

import (
	"container/heap"
	"context"
	"sync"
	"time"

	"github.com/blinkdrive/blinkdrive/mq"
)

// Options are the bounds of a queue. The zero value means the defaults.
type Options struct {
	Max        int           // messages that wait or are at work; 10,000
	MaxErrors  int           // messages in the error queue; 1,000, the oldest making room
	Deliveries int           // of a message whose consumer fails, before it is set aside; 4
	Delay      time.Duration // before the second delivery, four times as much before each further one, up to 1,024 times; 1 s
}

func (o Options) withDefaults() Options {
	if o.Max <= 0 {
		o.Max = 10_000
	}
	if o.MaxErrors <= 0 {
		o.MaxErrors = 1_000
	}
	if o.Deliveries <= 0 {
		o.Deliveries = 4
	}
	if o.Delay <= 0 {
		o.Delay = time.Second
	}
	return o
}

// A Failed message was set aside.
type Failed struct {
	Message    mq.Message
	Deliveries int
	Err        error // of the last one
	When       time.Time
}

// Queue is an mq.Queue.
type Queue struct {
	opts   Options
	bell   chan struct{} // rung when an idle worker should look; holds one ring
	closed chan struct{}

	mu      sync.Mutex
	items   map[string]*item // by FileHash: waiting, or at work
	waiting schedule
	seq     uint64
	failed  []Failed
	dropped int
}

var _ mq.Queue = (*Queue)(nil)

// New makes an empty queue.
func New(opts Options) *Queue {
	return &Queue{
		opts:   opts.withDefaults(),
		bell:   make(chan struct{}, 1),
		closed: make(chan struct{}),
		items:  make(map[string]*item),
	}
}

// Publish implements mq.Queue. A message equal to one that waits is due at once; one equal to a message at work is
// delivered after it, since it may tell of something that the worker has not seen.
func (q *Queue) Publish(_ context.Context, m mq.Message) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.isClosed() {
		return mq.ErrClosed
	}
	it := q.items[m.FileHash]
	switch {
	case it != nil && it.at == atWork:
		it.again = &m
		return nil
	case it == nil && len(q.items) >= q.opts.Max:
		q.dropped++
		return nil
	case it == nil:
		it = &item{at: atWork}
		q.items[m.FileHash] = it
	}
	it.message = m
	q.schedule(it, time.Now())
	return nil
}

// Check implements mq.Queue.
func (q *Queue) Check(context.Context) error {
	if q.isClosed() {
		return mq.ErrClosed
	}
	return nil
}

// Close implements mq.Queue.
func (q *Queue) Close() error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.isClosed() {
		close(q.closed)
	}
	return nil
}

// Errors returns the error queue, oldest first.
func (q *Queue) Errors() []Failed {
	q.mu.Lock()
	defer q.mu.Unlock()
	return append([]Failed(nil), q.failed...)
}

// Dropped says how many messages there was no room for.
func (q *Queue) Dropped() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.dropped
}

func (q *Queue) isClosed() bool {
	select {
	case <-q.closed:
		return true
	default:
		return false
	}
}

// schedule makes an item due, in whatever state it was, and wakes a worker to see to it.
func (q *Queue) schedule(it *item, due time.Time) {
	it.due = due
	if it.at == atWork {
		q.seq++
		it.seq = q.seq
		heap.Push(&q.waiting, it)
	} else {
		heap.Fix(&q.waiting, it.at)
	}
	q.ring()
}

func (q *Queue) ring() {
	select {
	case q.bell <- struct{}{}:
	default:
	}
}
