package handler

import (
	"errors"
	"io"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/blinkdrive/blinkdrive/service"
)

// A refusal that is followed by a reset does not arrive: a client that sends its whole body before it reads, as many
// programs and Firefox do, and a proxy on its way, see the reset in its place. So what is left of a refused body is read
// and dropped, within limits that an attacker gains nothing by:
//
//   - A small rest that arrives at once is read before the answer, and the connection goes on.
//   - Otherwise the answer leaves at once, with "Connection: close", and the rest is drained after it. Drains are
//     bounded in bytes and time, and in number, over all and for each address. A body whose client waits to be asked for
//     it (Expect: 100-continue) is not asked for.
type drainLimits struct {
	keepBytes int64         // of a rest that is read before the answer
	keepTime  time.Duration // for that
	bytes     int64         // of a drain: the largest chunk, and what a form has around it
	time      time.Duration // of a drain: the largest chunk at 450 kB/s
	stall     time.Duration // for each 64 KiB of a drain to arrive
	all       int           // drains at once
	perAddr   int           // for each address; of an IPv6 address its /64
}

var defaultDrainLimits = drainLimits{
	keepBytes: 8 << 20, keepTime: time.Second,
	bytes: service.MaxChunkSize + 1<<20, time: 150 * time.Second, stall: 10 * time.Second,
	all: 64, perAddr: 16,
}

// drains counts the drains under way.
type drains struct {
	drainLimits
	stopping <-chan struct{} // ends them; may be nil

	mu     sync.Mutex
	active int
	byAddr map[string]int
}

func newDrains(l drainLimits, stopping <-chan struct{}) *drains {
	return &drains{drainLimits: l, stopping: stopping, byAddr: map[string]int{}}
}

// enter takes a slot for a drain if one is free, and returns what gives it back.
func (d *drains) enter(addr netip.Addr) (leave func(), ok bool) {
	key := service.AddressKey(addr)
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.active >= d.all || d.byAddr[key] >= d.perAddr {
		return nil, false
	}
	d.active++
	d.byAddr[key]++
	return func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.active--
		if d.byAddr[key]--; d.byAddr[key] == 0 {
			delete(d.byAddr, key)
		}
	}, true
}

// beforeRefusal is called before the header of a refusal is written: it reads a small rest of the body, and has the
// connection closed after any other.
func (d *drains) beforeRefusal(h http.Header, r *http.Request, b *patientBody) {
	if b.ended() {
		return
	}
	rest := r.ContentLength - b.read
	if r.ContentLength >= 0 && rest <= d.keepBytes && !unasked(r, b) && b.resume(d.keepTime, d.keepTime) {
		if _, err := io.Copy(io.Discard, b); err == nil {
			return
		}
		b.goOn()
	}
	h.Set("Connection", "close")
}

// after drains what is left of a body once the answer is written. status is that of the answer.
func (d *drains) after(ctl *http.ResponseController, status int, r *http.Request, b *patientBody, addr netip.Addr) {
	if b.ended() {
		return
	}
	defer b.expire()
	if status < http.StatusBadRequest { // a form's last bytes, mostly
		if r.ContentLength-b.read <= d.keepBytes && !unasked(r, b) && b.resume(d.keepTime, d.keepTime) {
			_, _ = io.CopyN(io.Discard, b, d.keepBytes)
		}
		return
	}
	if ctl.Flush() != nil {
		return
	}
	leave, ok := d.enter(addr)
	if !ok {
		return
	}
	defer leave()
	stall := d.stall
	if unasked(r, b) { // nothing comes, unless the client is tired of waiting
		stall = min(stall, d.keepTime)
	}
	if !b.resume(stall, d.time) {
		return
	}
	done := make(chan struct{})
	defer close(done)
	go func() {
		select {
		case <-d.stopping:
			b.Interrupt()
		case <-done:
		}
	}()
	_, _ = io.CopyN(io.Discard, b, d.bytes)
}

// unasked reports whether the client waits to be asked for its body.
func unasked(r *http.Request, b *patientBody) bool {
	return b.read == 0 && strings.EqualFold(r.Header.Get("Expect"), "100-continue")
}

// ended reports whether the body was read to its end.
func (b *patientBody) ended() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.err == io.EOF //nolint:errorlint // it is that very value
}

// resume makes a body readable again for a drain: each 64 KiB of it must arrive within timeout, and all within total. It
// reports false for a body that ended, or that the client cut off or let time out.
func (b *patientBody) resume(timeout, total time.Duration) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err != nil && !b.interrupted {
		return false
	}
	b.err, b.interrupted = nil, false
	b.timeout, b.renewed, b.left = timeout, true, 0
	b.until = time.Now().Add(total)
	return true
}

// goOn lets a body whose time is over be resumed. One with chunked encoding cannot be read after that; a read of it fails.
func (b *patientBody) goOn() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.interrupted = errors.Is(b.err, os.ErrDeadlineExceeded)
}

// expire ends the reading of a body. net/http reads on when the request is over, and must not wait for the client then.
func (b *patientBody) expire() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err != io.EOF { //nolint:errorlint // it is that very value
		_ = b.ctl.SetReadDeadline(time.Unix(1, 0))
	}
}
