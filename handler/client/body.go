package client

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// A watchdog ends a request on which nothing moves: neither a byte of what is sent, nor one of the answer.
type watchdog struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
	timer  *time.Timer
	after  time.Duration
}

func watch(ctx context.Context, after time.Duration) *watchdog {
	d := &watchdog{after: after}
	d.ctx, d.cancel = context.WithCancelCause(ctx)
	d.timer = time.AfterFunc(after, func() { d.cancel(errStalled) })
	return d
}

func (d *watchdog) moved() { d.timer.Reset(d.after) }

func (d *watchdog) stop() {
	d.timer.Stop()
	d.cancel(context.Canceled)
}

// explain replaces the "context canceled" of a request that the watchdog ended.
func (d *watchdog) explain(err error) error {
	if context.Cause(d.ctx) == errStalled { //nolint:errorlint // it is that very value
		return errStalled
	}
	return err
}

func (d *watchdog) reader(r io.Reader) io.Reader { return &watched{r, d} }

type watched struct {
	r   io.Reader
	dog *watchdog
}

func (w *watched) Read(p []byte) (int, error) {
	n, err := w.r.Read(p)
	w.dog.moved()
	return n, err
}

// A sectionBody is a piece of a source as the body of a request. It can be read again from its beginning, so that a
// request on a connection that turned out to be closed is sent again; nothing of it is kept in memory.
type sectionBody struct {
	src         io.ReaderAt
	off, length int64
	sent        *atomic.Int64 // grows by what was read for sending; may be nil
	moved       func(n int)   // told of the same; may be nil
	dog         *watchdog

	mu  sync.Mutex
	err error
}

// expectFrom is the length of bodies that are sent only when the drive asks for them (Expect: 100-continue), so that a
// refusal costs no bytes, and does not get lost beside them. Shorter ones are not worth the way there and back.
const expectFrom = 1 << 20

// attach makes the section the body of req.
func (b *sectionBody) attach(req *http.Request) {
	req.ContentLength = b.length
	req.Header.Set("Content-Type", "application/octet-stream")
	if b.length == 0 {
		req.Body = http.NoBody
		return
	}
	if b.length >= expectFrom {
		req.Header.Set("Expect", "100-continue")
	}
	req.Body = b.open()
	req.GetBody = func() (io.ReadCloser, error) { return b.open(), nil }
}

func (b *sectionBody) open() io.ReadCloser {
	return &sectionReader{SectionReader: io.NewSectionReader(b.src, b.off, b.length), body: b}
}

func (b *sectionBody) failed() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.err
}

func (b *sectionBody) fail(err error) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.err = &sourceError{err}
	return b.err
}

type sectionReader struct {
	*io.SectionReader
	body *sectionBody
	pos  int64
}

func (r *sectionReader) Read(p []byte) (int, error) {
	n, err := r.SectionReader.Read(p)
	r.pos += int64(n)
	r.body.count(n)
	switch {
	case errors.Is(err, io.EOF) && r.pos < r.body.length:
		return n, r.body.fail(ErrChanged) // it has become shorter
	case err != nil && !errors.Is(err, io.EOF):
		return n, r.body.fail(err)
	}
	return n, err
}

func (b *sectionBody) count(n int) {
	b.dog.moved()
	if b.sent != nil {
		b.sent.Add(int64(n))
	}
	if b.moved != nil {
		b.moved(n)
	}
}

func (r *sectionReader) Close() error { return nil }
