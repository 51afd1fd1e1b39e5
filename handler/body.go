package handler

import (
	"errors"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/blinkdrive/blinkdrive/service"
)

// window is how many bytes must arrive within one read timeout.
const window = 64 << 10

// A patientBody gives each 64 KiB of a request's body the same time to arrive. Only time spent in Read counts, so that
// a slow disk costs the client nothing. What the client did wrong comes out as service.CutOff.
type patientBody struct {
	body    io.ReadCloser
	ctl     *http.ResponseController
	timeout time.Duration
	renewed bool // more than one window: false for a form, which must arrive whole in one timeout

	left   int           // bytes of this window
	budget time.Duration // time of this window
	until  time.Time     // the end of all windows; zero: there is none
	read   int64

	mu          sync.Mutex // the deadline's, and what follows; Interrupt may come at any time
	err         error      // sticky
	interrupted bool
}

// withPatience returns a copy of the request with the deadline on its body. The server looks at the body of its own
// request to decide whether the connection can go on, so that one stays as it is.
func withPatience(w http.ResponseWriter, r *http.Request, timeout time.Duration) (*http.Request, *patientBody) {
	r = r.WithContext(r.Context())
	b := &patientBody{body: r.Body, ctl: http.NewResponseController(w), timeout: timeout, renewed: true,
		left: window, budget: timeout}
	if r.Body == nil || r.Body == http.NoBody {
		b.body, b.err = http.NoBody, io.EOF
	}
	r.Body = b
	return r, b
}

func (b *patientBody) Read(p []byte) (int, error) {
	if b.left <= 0 && b.renewed {
		b.left, b.budget = window, b.timeout
	}
	start := time.Now()
	at := start.Add(b.budget)
	if !b.until.IsZero() && b.until.Before(at) {
		at = b.until
	}
	if err := b.setDeadline(at); err != nil {
		return 0, err
	}
	n, err := b.body.Read(p)
	b.budget -= time.Since(start)
	b.left -= n
	b.read += int64(n)
	return n, b.finish(err)
}

// setDeadline sets the deadline of the next read. It returns the error of a body that has ended.
func (b *patientBody) setDeadline(at time.Time) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err == nil && !b.interrupted {
		_ = b.ctl.SetReadDeadline(at) // where it is not supported there is no connection to hang on
	}
	return b.err
}

// Interrupt makes a Read that waits for the client return at once with an error, as store.Interrupter says.
func (b *patientBody) Interrupt() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err == nil {
		b.interrupted = true
		_ = b.ctl.SetReadDeadline(time.Unix(1, 0))
	}
}

// finish keeps a final error and returns it. The deadline must not outlive the body: net/http goes on listening for the
// client's leaving, and would take a deadline's passing for that.
func (b *patientBody) finish(err error) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case err == nil:
	case errors.Is(err, io.EOF):
		b.err = io.EOF
		_ = b.ctl.SetReadDeadline(time.Time{})
	default:
		b.err = &service.Error{Kind: service.CutOff, Msg: "the request body ended early", Cause: err}
	}
	return b.err
}

// end makes an Interrupt that comes after the request harmless: the deadline is the next request's by then.
func (b *patientBody) end() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err == nil {
		b.err = http.ErrBodyReadAfterClose
	}
}

func (b *patientBody) Close() error { return b.body.Close() }
