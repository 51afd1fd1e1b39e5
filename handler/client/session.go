package client

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/blinkdrive/blinkdrive/handler/api"
)

const (
	maxRounds  = 5 // of sending what complete finds missing or bad
	maxCorrupt = 4 // of sending one chunk whose bytes arrive changed
)

// A session is one open upload on the drive.
type session struct {
	*upload
	id     string
	layout layout
	first  []int // the chunks to send at first

	mu     sync.Mutex
	ours   []bool   // by index: this very session sent it, with its digest
	digest []string // by index-1: digests of chunks, where known
}

func (u *upload) begin(in api.Init) (*session, error) {
	l := layout{u.sums.layout.size, in.ChunkSize}
	if in.UploadID == "" || l.size > 0 && (in.ChunkSize <= 0 || in.ChunkCount != l.count()) {
		return nil, fmt.Errorf("invalid response to init: %d chunks of %d bytes", in.ChunkCount, in.ChunkSize)
	}
	if l.size == 0 {
		l.chunk = 1 // no chunks, of whatever size
	}
	s := &session{upload: u, id: in.UploadID, layout: l, first: l.missing(in.ChunkExists)}
	s.ours = make([]bool, l.count()+1)
	s.digest = make([]string, l.count())
	if l == u.sums.layout {
		copy(s.digest, u.sums.chunks)
	}
	u.res.UploadID = in.UploadID
	u.res.BytesSaved = l.size - s.bytes(s.first)
	u.meter.enter(StageSending, u.res.BytesSaved)
	return s, nil
}

func (s *session) bytes(indexes []int) (n int64) {
	for _, i := range indexes {
		_, length := s.layout.extent(i)
		n += length
	}
	return n
}

// finish sends what is missing, completes, and sends again what complete asks for.
func (s *session) finish(ctx context.Context) error {
	send := s.first
	for range maxRounds {
		if err := s.send(ctx, send); err != nil {
			return err
		}
		m, err := s.complete(ctx)
		if err == nil {
			s.res.Meta = m
			return nil
		}
		if send, err = s.demanded(ctx, err); err != nil {
			return err
		}
		s.meter.enter(StageSending, s.layout.size-s.bytes(send))
	}
	return fmt.Errorf("the drive still reports missing chunks after %d rounds", maxRounds)
}

func (s *session) complete(ctx context.Context) (api.Meta, error) {
	s.meter.enter(StageCompleting, s.layout.size)
	digests, err := s.digestsToTell(ctx)
	if err != nil {
		return api.Meta{}, err
	}
	return s.c.Complete(ctx, CompleteRequest{
		Target: s.o.Target, UploadID: s.id, Digest: s.sums.digest, Size: s.layout.size, ChunkDigests: digests,
	})
}

// digestsToTell returns the digests of all chunks if the drive holds some that this session did not send with theirs:
// it can then tell which of them are bad. Else the drive has compared each already.
func (s *session) digestsToTell(ctx context.Context) ([]string, error) {
	all := true
	for i := 1; i <= s.layout.count(); i++ {
		all = all && s.ours[i]
	}
	if all {
		return nil, nil
	}
	for i := 1; i <= s.layout.count(); i++ {
		if _, err := s.chunkDigest(ctx, i); err != nil {
			return nil, err
		}
	}
	return s.digest, nil
}

// demanded returns the chunks that a failed complete asks for, or why there is no going on.
func (s *session) demanded(ctx context.Context, err error) ([]int, error) {
	e, ok := errors.AsType[*Error](err)
	switch {
	case ok && e.Code == api.ChunksMissing:
		if m := s.layout.valid(e.Missing); len(m) > 0 {
			return m, nil
		}
		return s.missing(ctx)
	case ok && e.Code == api.DigestMismatch:
		// Either bytes went bad on the way or on the drive, or this file is no longer what was hashed.
		now, serr := sum(ctx, s.src, s.sums.layout, func(int) {})
		if serr != nil {
			return nil, serr
		}
		if now.digest != s.sums.digest {
			return nil, ErrChanged
		}
		if bad := s.layout.valid(e.Bad); len(bad) > 0 {
			return bad, nil
		}
	}
	return nil, err
}

func (s *session) missing(ctx context.Context) ([]int, error) {
	st, err := s.c.UploadStatus(ctx, s.id)
	return s.layout.missing(st.ChunkExists), err
}

func (s *session) send(ctx context.Context, indexes []int) error {
	g, all := errgroup.WithContext(ctx)
	g.SetLimit(s.o.Parallel)
	for _, i := range indexes {
		if all.Err() != nil {
			break
		}
		g.Go(func() error { return s.sendChunk(all, i) })
	}
	if err := g.Wait(); err != nil {
		return err
	}
	return context.Cause(ctx)
}

// sendChunk brings one chunk to the drive, however often that has to be tried.
func (s *session) sendChunk(ctx context.Context, i int) error {
	digest, err := s.chunkDigest(ctx, i)
	if err != nil {
		return err
	}
	b := backoff{Retry: s.c.opts.Retry}
	for corrupt := 0; ; {
		err := s.put(ctx, i, digest)
		switch {
		case err == nil:
			s.hold(i)
			return nil
		case IsCode(err, api.Conflict):
			return nil // it is held with other bytes; complete will say that it is bad
		case IsCode(err, api.DigestMismatch):
			if corrupt++; corrupt >= maxCorrupt {
				return fmt.Errorf("chunk %d: %w", i, err)
			}
			if err := s.unchanged(ctx, i, digest); err != nil {
				return err
			}
			continue
		}
		if err := b.pause(ctx, err); err != nil {
			return fmt.Errorf("chunk %d: %w", i, err)
		}
		held, refusal := s.held(ctx, i)
		if refusal != nil {
			return fmt.Errorf("chunk %d: %w", i, refusal)
		}
		if held {
			s.meter.moved(int(s.bytes([]int{i})))
			return nil
		}
	}
}

// put sends a chunk once. What a failed try sent is taken out of the progress again.
func (s *session) put(ctx context.Context, i int, digest string) error {
	off, length := s.layout.extent(i)
	var tried int64
	var mu sync.Mutex
	body := &sectionBody{src: s.src, off: off, length: length, sent: &s.sent, moved: func(n int) {
		mu.Lock()
		defer mu.Unlock()
		tried += int64(n)
		s.meter.moved(n)
	}}
	err := s.c.putChunk(ctx, s.id, i, body, digest)
	if err != nil {
		mu.Lock()
		defer mu.Unlock()
		s.meter.moved(int(-tried))
		return err
	}
	s.chunks.Add(1)
	return nil
}

// held asks after trouble whether the chunk arrived all the same. No answer is no. refusal is set if the drive refuses
// the upload or the session: the same refusal of the chunk may have been lost to a connection that was reset.
func (s *session) held(ctx context.Context, i int) (held bool, refusal error) {
	st, err := s.c.uploadStatus(ctx, s.id, false)
	if e, ok := errors.AsType[*Error](err); ok && !e.transient() {
		return false, e
	}
	if err != nil {
		return false, nil //nolint:nilerr // as said above
	}
	return slices.Contains(st.ChunkExists, i), nil
}

func (s *session) hold(i int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ours[i] = true
}

// unchanged tells a chunk that went bad on the way from a file that changed.
func (s *session) unchanged(ctx context.Context, i int, digest string) error {
	off, length := s.layout.extent(i)
	now, err := sumSection(ctx, s.src, off, length)
	if err == nil && now != digest {
		err = ErrChanged
	}
	return err
}

// chunkDigest returns the digest of chunk i, which is known from the first pass if the drive gave the chunk size that
// was foreseen.
func (s *session) chunkDigest(ctx context.Context, i int) (string, error) {
	s.mu.Lock()
	d := s.digest[i-1]
	s.mu.Unlock()
	if d != "" {
		return d, nil
	}
	off, length := s.layout.extent(i)
	d, err := sumSection(ctx, s.src, off, length)
	if err != nil {
		return "", err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.digest[i-1] = d
	return d, nil
}
