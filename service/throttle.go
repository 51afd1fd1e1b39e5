package service

import (
	"container/list"
	"crypto/sha256"
	"math"
	"net/netip"
	"sync"
	"time"
)

// A Throttle limits how often something may fail for one key, such as an address. It counts failures in a bucket for
// each key that empties at a steady rate, and remembers a bounded number of keys, those last seen. The zero Throttle
// allows 30 failures a minute. It is safe for concurrent use.
type Throttle struct {
	Limit int           // failures in a Window; 0: 30
	Per   time.Duration // 0: a minute
	Keys  int           // keys that are remembered; 0: 65536
	Now   func() time.Time

	mu      sync.Mutex
	buckets map[string]*list.Element // of *bucket
	order   list.List                // last seen first
}

type bucket struct {
	key  string
	full float64 // failures that count now
	at   time.Time
}

// Begin says whether one more try may be made, and counts it as failed for all keys until done(false) takes that back:
// many tries at once are no way around the limit. Where any key is exhausted, nothing is counted and the error is
// TooMany. Calling done more than once does nothing more.
func (t *Throttle) Begin(keys ...string) (done func(failed bool), err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, k := range keys {
		if b := t.bucket(k); b.full > t.limit()-1 {
			wait := time.Duration((b.full - t.limit() + 1) / t.rate() * float64(time.Second))
			return nil, &Error{Kind: TooMany, Msg: "too many failed attempts; try again later", Retry: max(wait, time.Second)}
		}
	}
	for _, k := range keys {
		t.bucket(k).full++
	}
	var once sync.Once
	return func(failed bool) {
		if !failed {
			once.Do(func() { t.refund(keys) })
		}
		once.Do(func() {})
	}, nil
}

// Fail counts a failure for all keys, exhausted or not.
func (t *Throttle) Fail(keys ...string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, k := range keys {
		b := t.bucket(k)
		b.full = math.Min(b.full+1, t.limit())
	}
}

// Failures returns how many failures of a key still count.
func (t *Throttle) Failures(key string) float64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.bucket(key).full
}

func (t *Throttle) refund(keys []string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, k := range keys {
		b := t.bucket(k)
		b.full = math.Max(b.full-1, 0)
	}
}

// bucket returns the bucket of a key as it is now, and makes it the one last seen. mu is held.
func (t *Throttle) bucket(key string) *bucket {
	now := time.Now()
	if t.Now != nil {
		now = t.Now()
	}
	e, ok := t.buckets[key]
	if !ok {
		e = t.add(key, now)
	}
	t.order.MoveToFront(e)
	b := e.Value.(*bucket)
	if passed := now.Sub(b.at); passed > 0 {
		b.full = math.Max(0, b.full-passed.Seconds()*t.rate())
		b.at = now
	}
	return b
}

func (t *Throttle) add(key string, now time.Time) *list.Element {
	if t.buckets == nil {
		t.buckets = map[string]*list.Element{}
	}
	limit := t.Keys
	if limit <= 0 {
		limit = 1 << 16
	}
	for len(t.buckets) >= limit {
		last := t.order.Back()
		delete(t.buckets, t.order.Remove(last).(*bucket).key)
	}
	e := t.order.PushFront(&bucket{key: key, at: now})
	t.buckets[key] = e
	return e
}

func (t *Throttle) limit() float64 {
	if t.Limit <= 0 {
		return 30
	}
	return float64(t.Limit)
}

// rate is how many failures are forgotten in a second.
func (t *Throttle) rate() float64 {
	per := t.Per
	if per <= 0 {
		per = time.Minute
	}
	return t.limit() / per.Seconds()
}

// AddressKey names a client for a Throttle: an IPv4 address, or the /64 that one holder of IPv6 addresses has.
func AddressKey(a netip.Addr) string {
	if a = a.Unmap(); a.Is6() {
		if p, err := a.WithZone("").Prefix(64); err == nil {
			return "address " + p.String()
		}
	}
	return "address " + a.String()
}

// AccountKey names an account as tried from an address. The account need not exist; its name is hashed so that long
// ones take no more memory.
func AccountKey(name string, a netip.Addr) string {
	sum := sha256.Sum256([]byte(name))
	return "account " + string(sum[:16]) + AddressKey(a)
}
