package handler

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/blinkdrive/blinkdrive/service"
)

const (
	window     = 64 << 10 // bytes that must arrive within one read timeout
	drainBytes = 8 << 20  // of a body that nobody wanted: a chunk of the usual size
	drainTime  = 5 * time.Second
)

// A patientBody gives each 64 KiB of a request's body the same time to arrive. Only time spent in Read counts, so that
// a slow disk costs the client nothing. What the client did wrong comes out as service.CutOff.
type patientBody struct {
	body    io.ReadCloser
	ctl     *http.ResponseController
	timeout time.Duration
	renewed bool // more than one window: false for a form, which must arrive whole in one timeout

	left   int           // bytes of this window
	budget time.Duration // time of this window
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
	if err := b.setDeadline(start.Add(b.budget)); err != nil {
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

// drain reads what is left of a body that was not wanted, within reason: a client, or a proxy, that is still sending
// would otherwise see a reset in the place of the answer.
func (b *patientBody) drain(r *http.Request) {
	unasked := b.read == 0 && strings.EqualFold(r.Header.Get("Expect"), "100-continue")
	if b.err != nil || unasked || r.ContentLength-b.read > drainBytes {
		return
	}
	_ = b.ctl.SetReadDeadline(time.Now().Add(drainTime))
	n, err := io.CopyN(io.Discard, b.body, drainBytes)
	b.read += n
	_ = b.finish(err)
}
