package client

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"
)

// Retry says how trouble on the way is waited out: a refused or cut connection, 423, 429, 5xx.
type Retry struct {
	Base     time.Duration // the first wait; each further one is twice as long; default 200 ms
	Max      time.Duration // the longest wait, unless the drive asks for more; default 10 s
	Patience time.Duration // give up after this long without success; default 5 minutes; negative: never try again
}

func (r Retry) withDefaults() Retry {
	if r.Base <= 0 {
		r.Base = 200 * time.Millisecond
	}
	if r.Max <= 0 {
		r.Max = 10 * time.Second
	}
	if r.Patience == 0 {
		r.Patience = 5 * time.Minute
	}
	return r
}

// wait returns how long to wait before attempt n, counted from 1: at least half of Base·2ⁿ⁻¹ so that it grows, the rest
// at random so that many clients of one restarted server do not come back together.
func (r Retry) wait(n int, random float64) time.Duration {
	d := r.Max
	if n < 32 {
		d = min(r.Max, r.Base<<(n-1))
	}
	if d <= 0 { // shifted out of range
		d = r.Max
	}
	return d/2 + time.Duration(random*float64(d/2))
}

// A backoff is the state of one operation that is being repeated.
type backoff struct {
	Retry
	tries int
	since time.Time // of the first failure since the last success
}

// pause waits before the next try after err, or returns why there is none: err itself, or the context's error.
func (b *backoff) pause(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if !transient(err) {
		return err
	}
	if b.tries == 0 {
		b.since = time.Now()
	}
	b.tries++
	d := b.wait(b.tries, rand.Float64())
	if e, ok := errors.AsType[*Error](err); ok {
		d = max(d, e.RetryAfter)
	}
	if time.Since(b.since)+d > b.Patience {
		return gaveUp(b.tries, err)
	}
	return sleep(ctx, d)
}

func gaveUp(tries int, err error) error {
	if tries == 1 {
		return err
	}
	return fmt.Errorf("gave up after %d attempts: %w", tries, err)
}

// reset records a success.
func (b *backoff) reset() { b.tries = 0 }

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// retry calls fn until it succeeds or no repetition can help.
func (c *Client) retry(ctx context.Context, fn func() error) error {
	b := backoff{Retry: c.opts.Retry}
	for {
		err := fn()
		if err == nil {
			return nil
		}
		if err := b.pause(ctx, err); err != nil {
			return err
		}
	}
}

// retryAfter reads the header of that name, in seconds or as a date. What cannot be read is no wish.
func retryAfter(h http.Header, now time.Time) time.Duration {
	s := h.Get("Retry-After")
	if n, err := strconv.Atoi(s); err == nil {
		return time.Duration(min(max(n, 0), 3600)) * time.Second
	}
	if t, err := http.ParseTime(s); err == nil {
		return min(max(t.Sub(now), 0), time.Hour)
	}
	return 0
}
