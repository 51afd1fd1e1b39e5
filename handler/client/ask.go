package client

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/blinkdrive/blinkdrive/handler/api"
)

// minAsk is the smallest file for which instant upload is asked for. To prove that one has a smaller one takes as
// many bytes read, and more requests, than to send it. Content that the user has himself is linked in any case.
const minAsk = 64 << 10

// errHeld ends the sending of what the drive turned out to hold.
var errHeld = errors.New("the drive already holds the content")

// asked is the answer to whether the drive already holds the content.
type asked struct {
	meta api.Meta
	ok   bool
	err  error
}

// ask asks for instant upload, and begins to send if the answer takes long. A hit that comes then ends the sending.
func (u *upload) ask(ctx context.Context) error {
	u.meter.enter(StageAsking, 0)
	sending, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	late := make(chan struct{})
	answer := make(chan asked, 1)
	go func() {
		a := u.question(sending, late)
		if a.ok {
			stop(errHeld)
		}
		answer <- a
	}()
	select {
	case a := <-answer:
		if a.ok {
			u.linked(a.meta)
		}
		if a.ok || a.err != nil {
			return a.err
		}
		return u.sessions(ctx)
	case <-late:
	}
	err := u.sessions(sending)
	if err == nil {
		stop(nil) // the answer does not matter any more
	}
	if a := <-answer; err != nil && a.ok {
		u.linked(a.meta)
		u.abandon(ctx)
		return nil
	}
	return err
}

// question asks, and closes late when the drive has had time enough to answer the proof.
func (u *upload) question(ctx context.Context, late chan<- struct{}) asked {
	var once sync.Once
	m, ok, err := u.c.instant(ctx, u.instantRequest(), u.src, func(took time.Duration) {
		time.AfterFunc(2*took+u.c.opts.HeadStart, func() { once.Do(func() { close(late) }) })
	})
	return asked{m, ok, err}
}

func (u *upload) instantRequest() InstantRequest {
	return InstantRequest{Target: u.o.Target, Digest: u.sums.digest, Size: u.sums.layout.size}
}

// link makes an entry of content that the drive says the user has.
func (u *upload) link(ctx context.Context) (bool, error) {
	m, ok, err := u.c.Instant(ctx, u.instantRequest(), u.src)
	if ok {
		u.linked(m)
	}
	return ok, err
}

func (u *upload) linked(m api.Meta) {
	u.res.Meta, u.res.Instant = m, true
	u.res.BytesSaved = max(0, u.sums.layout.size-u.sent.Load())
}

// abandon ends an upload that is not needed any more. One that is gone is as good, and so is, in the end, one that
// will expire.
func (u *upload) abandon(ctx context.Context) {
	if id := u.res.UploadID; id != "" {
		_, _ = u.c.once(ctx, cancelCall(id))
	}
	u.res.UploadID = ""
}
