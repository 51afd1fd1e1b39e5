package s3

import (
	"errors"
	"io"
	"net"
	"syscall"

	"github.com/aws/aws-sdk-go-v2/service/s3"
)

const (
	// minMove is what is worth a connection of its own.
	minMove = 1 << 20
	// maxMove is how much is moved between two looks at the clock.
	maxMove = 240 << 10
)

// MoveTo implements store.RemoteBlob. The kernel moves the bytes from the store's connection to the client's.
func (f *blob) MoveTo(w io.ReaderFrom, n int64) (total int64, err error) {
	n = min(n, f.object.size-f.pos)
	to, ok := w.(io.Writer)
	if f.b.direct == nil || n < minMove || !ok {
		return 0, nil
	}
	f.drop() // what has come ahead of this came on another kind of connection
	for total < n && !f.closed.Load() && f.ctx.Err() == nil {
		moved, err := f.moveOn(to, n-total)
		total += moved
		if moved > 0 {
			f.breaks = 0
		}
		if errors.Is(err, errNotOpen) {
			return total, nil
		}
		if err = f.again(&f.breaks, f.pos, err); err != nil {
			return total, err
		}
	}
	return total, nil
}

// errNotOpen is the error of a body that has come in another way than was asked for.
var errNotOpen = errors.New("the body has no connection of its own")

func (f *blob) moveOn(w io.Writer, n int64) (int64, error) {
	if err := f.begin(func(o *s3.Options) { o.HTTPClient = f.b.direct }); err != nil {
		return 0, err
	}
	body, ok := f.body.(*receiving)
	if !ok {
		return 0, errNotOpen
	}
	if _, ok := body.open(); !ok {
		return 0, errNotOpen
	}
	moved, err := body.moveTo(w, min(n, f.end-f.pos, maxMove))
	f.passed(moved)
	if err != nil && f.body != nil && brokenBody(err) {
		f.drop()
		return moved, broken{err}
	}
	return moved, err
}

// brokenBody reports whether moving failed, for all that is known, because of the store. What a client that has gone away
// and a store that has gone away have in common is taken for the store's: a client that is gone is so at the next try too.
func brokenBody(err error) bool {
	return errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, errStalled) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.ETIMEDOUT)
}
