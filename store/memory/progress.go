package memory

import (
	"context"
	"fmt"
	"math/bits"
	"sync"
	"time"

	"github.com/blinkdrive/blinkdrive/store"
)

// sweepEvery is how often the calls look for expired records. In between they cost memory, nothing else: an
// expired record is never found.
const sweepEvery = time.Minute

// Progress is a store.Progress. A record costs one bit for each chunk, and about 200 bytes.
type Progress struct {
	// Now tells the time. It is set before the first call.
	Now func() time.Time
	// Fault, where set, is asked before each operation, by the name of the method; an error is the result.
	Fault func(op string) error

	mu      sync.Mutex
	records map[store.UploadID]*record
	swept   time.Time
}

var _ store.Progress = (*Progress)(nil)

// NewProgress makes an empty Progress.
func NewProgress() *Progress {
	return &Progress{Now: time.Now, records: make(map[store.UploadID]*record)}
}

// A record is one upload's progress. Bit i-1 stands for chunk i.
type record struct {
	info    store.ProgressInfo
	held    []uint64
	count   int
	expires time.Time
}

func newRecord(info store.ProgressInfo, held []int) (*record, error) {
	r := &record{info: info, held: make([]uint64, (info.Layout.Count()+63)/64)}
	for _, i := range held {
		if err := r.set(i, true); err != nil {
			return nil, err
		}
	}
	return r, nil
}

func (r *record) set(index int, held bool) error {
	if !r.info.Layout.Has(index) {
		return fmt.Errorf("progress of %s: chunk %d: %w", r.info.Upload, index, store.ErrInvalid)
	}
	word, bit := &r.held[(index-1)/64], uint64(1)<<((index-1)%64)
	if was := *word&bit != 0; was == held {
		return nil
	}
	*word ^= bit
	if held {
		r.count++
	} else {
		r.count--
	}
	return nil
}

// add takes over the chunks of a record of the same layout.
func (r *record) add(old *record) {
	if r.info.Layout != old.info.Layout {
		return
	}
	r.count = 0
	for i := range r.held {
		r.held[i] |= old.held[i]
		r.count += bits.OnesCount64(r.held[i])
	}
}

func (r *record) indexes() []int {
	held := make([]int, 0, r.count)
	for w, word := range r.held {
		for ; word != 0; word &= word - 1 {
			held = append(held, w*64+bits.TrailingZeros64(word)+1)
		}
	}
	return held
}

// Put implements store.Progress.
func (p *Progress) Put(_ context.Context, info store.ProgressInfo, held []int, ttl time.Duration) error {
	r, err := newRecord(info, held)
	if err != nil {
		return err
	}
	return p.do("Put", func(now time.Time) error {
		p.sweep(now)
		if old, ok := p.records[info.Upload]; ok && now.Before(old.expires) {
			r.add(old)
		}
		r.expires = now.Add(ttl)
		p.records[info.Upload] = r
		return nil
	})
}

// Mark implements store.Progress.
func (p *Progress) Mark(_ context.Context, id store.UploadID, index int, ttl time.Duration) (int, error) {
	var count int
	err := p.do("Mark", func(now time.Time) error {
		r, err := p.find(id, now)
		if err != nil {
			return err
		}
		if err := r.set(index, true); err != nil {
			return err
		}
		r.expires = now.Add(ttl)
		count = r.count
		return nil
	})
	return count, err
}

// Unmark implements store.Progress.
func (p *Progress) Unmark(_ context.Context, id store.UploadID, indexes []int) error {
	return p.do("Unmark", func(now time.Time) error {
		r, err := p.find(id, now)
		if err != nil {
			return err
		}
		for _, i := range indexes {
			if r.info.Layout.Has(i) {
				_ = r.set(i, false) // cannot fail: the index is in the layout
			}
		}
		return nil
	})
}

// Held implements store.Progress.
func (p *Progress) Held(_ context.Context, id store.UploadID) (info store.ProgressInfo, held []int, err error) {
	err = p.do("Held", func(now time.Time) error {
		r, err := p.find(id, now)
		if err != nil {
			return err
		}
		info, held = r.info, r.indexes()
		return nil
	})
	return info, held, err
}

// Drop implements store.Progress.
func (p *Progress) Drop(_ context.Context, id store.UploadID) error {
	return p.do("Drop", func(time.Time) error {
		delete(p.records, id)
		return nil
	})
}

// Flush forgets every record, as a flushed server would.
func (p *Progress) Flush() {
	p.mu.Lock()
	defer p.mu.Unlock()
	clear(p.records)
}

func (p *Progress) do(op string, fn func(now time.Time) error) error {
	if p.Fault != nil {
		if err := p.Fault(op); err != nil {
			return fmt.Errorf("progress: %w", err)
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return fn(p.Now())
}

func (p *Progress) find(id store.UploadID, now time.Time) (*record, error) {
	r, ok := p.records[id]
	if !ok || !now.Before(r.expires) {
		delete(p.records, id)
		return nil, fmt.Errorf("progress of %s: %w", id, store.ErrNotFound)
	}
	return r, nil
}

func (p *Progress) sweep(now time.Time) {
	if now.Sub(p.swept) < sweepEvery {
		return
	}
	p.swept = now
	for id, r := range p.records {
		if !now.Before(r.expires) {
			delete(p.records, id)
		}
	}
}
