package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync/atomic"

	"github.com/blinkdrive/blinkdrive/handler/api"
)

// maxSessions bounds how often an upload that is gone on the drive (expired, cancelled, refused) is begun anew.
const maxSessions = 3

// UploadOptions say how and where a file is to be uploaded. The zero value means the documented defaults.
type UploadOptions struct {
	Target
	ChunkSize int64       // asked of the drive, which may give another; 0: the drive's choice
	Parallel  int         // chunks under way at once; default that of the client
	NoInstant bool        // do not ask whether the drive holds the bytes
	Progress  func(Event) // called now and then, by one goroutine at a time; must return soon
}

// Result is what an upload came to.
type Result struct {
	Meta       api.Meta
	Digest     string // SHA-1 in hexadecimal
	UploadID   string // empty if no bytes were asked for
	Instant    bool   // the drive held the content
	BytesSent  int64  // of the file, counting each byte as often as it was sent
	BytesSaved int64  // of the file, held by the drive before
	ChunksSent int
}

// UploadFile uploads a file of the local disk, under its own name and time where the options name none.
func (c *Client) UploadFile(ctx context.Context, name string, o UploadOptions) (Result, error) {
	f, err := os.Open(name)
	if err != nil {
		return Result{}, fmt.Errorf("upload: %w", err)
	}
	defer f.Close()
	fi, err := f.Stat()
	if err != nil {
		return Result{}, fmt.Errorf("upload: %w", err)
	}
	if !fi.Mode().IsRegular() {
		return Result{}, fmt.Errorf("upload: %s is not a regular file", name)
	}
	if o.Name == "" {
		o.Name = filepath.Base(name)
	}
	if o.Modified.IsZero() {
		o.Modified = fi.ModTime()
	}
	return c.Upload(ctx, f, fi.Size(), o)
}

// Upload brings size bytes of src to the drive, sending only what it does not hold. Called again after whatever failure
// it goes on from where it was. Trouble on the way and restarts of the drive are waited out as Options.Retry says.
// ErrChanged: src did not stay the same while it was read.
func (c *Client) Upload(ctx context.Context, src io.ReaderAt, size int64, o UploadOptions) (Result, error) {
	if o.Parallel <= 0 {
		o.Parallel = c.opts.Parallel
	}
	u := &upload{c: c, src: src, o: o, meter: newMeter(size, o.Progress)}
	err := u.run(ctx, size)
	u.res.BytesSent, u.res.ChunksSent = u.sent.Load(), int(u.chunks.Load())
	if err != nil {
		return u.res, fmt.Errorf("upload %s: %w", o.Name, err)
	}
	u.meter.enter(StageDone, size)
	return u.res, nil
}

// An upload is one call of Upload.
type upload struct {
	c     *Client
	src   io.ReaderAt
	o     UploadOptions
	sums  sums
	meter *meter
	res   Result

	sent   atomic.Int64
	chunks atomic.Int64
}

func (u *upload) run(ctx context.Context, size int64) error {
	u.meter.enter(StageHashing, 0)
	var err error
	if u.sums, err = sum(ctx, u.src, planLayout(size, u.o.ChunkSize), u.meter.moved); err != nil {
		return err
	}
	u.res.Digest = u.sums.digest
	if u.o.NoInstant || size < minAsk {
		return u.sessions(ctx)
	}
	return u.ask(ctx)
}

// sessions sends the file, beginning anew where the drive has lost an upload.
func (u *upload) sessions(ctx context.Context) (err error) {
	for range maxSessions {
		var again bool
		if again, err = u.session(ctx); !again {
			return err
		}
	}
	return err
}

// session opens or takes up an upload and brings it to its end. again says that the drive no longer knows it, so that a
// new one may do better.
func (u *upload) session(ctx context.Context) (again bool, err error) {
	in, err := u.c.Init(ctx, InitRequest{
		Target: u.o.Target, Digest: u.sums.digest, Size: u.sums.layout.size, ChunkSize: u.o.ChunkSize,
	})
	if IsCode(err, api.AlreadyHave) {
		ok, ierr := u.link(ctx)
		// Not ok: it was deleted this very moment, and the next session sends it.
		return !ok && ierr == nil, errors.Join(ierr, unless(ok, err))
	}
	if err != nil {
		return false, err
	}
	s, err := u.begin(in)
	if err != nil {
		return false, err
	}
	err = s.finish(ctx)
	if errors.Is(err, ErrChanged) {
		// Its digest can never be reached: what it holds would only lie there until it expires.
		err = errors.Join(err, u.c.Cancel(context.WithoutCancel(ctx), in.UploadID))
	}
	return IsCode(err, api.NotFound), err
}

func unless(ok bool, err error) error {
	if ok {
		return nil
	}
	return err
}
