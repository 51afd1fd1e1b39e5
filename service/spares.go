package service

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/blinkdrive/blinkdrive/mq"
	"github.com/blinkdrive/blinkdrive/store"
)

// SpareDeps are what Spares works with.
type SpareDeps struct {
	Rows     store.Spares
	Contents store.Contents
	Garbage  store.GarbageList
	Places   Places // with a node's disk
	Target   store.Kind
	Queue    mq.Queue
	Now      func() time.Time
	Log      *slog.Logger
	Metrics  *Metrics
}

// SpareOptions have defaults.
type SpareOptions struct {
	Bandwidth int64         // bytes that are read per second; 256 MiB
	Workers   int           // contents at a time; 2
	ScanEvery time.Duration // how often due spares are looked for; 15 s
}

// Spares decides about the spare blobs on this node's disk: verified bytes that were uploaded although the drive is said
// to hold the content. They are kept until the content's main blob was read whole and has the right digests, and take
// its place if it has not. If the main blob is out of reach they wait for it.
//
// All of this happens after the upload was answered, so that the time of the answer does not tell whether others hold the
// content. Each step is one transaction or may be repeated, so a crash costs nothing but another read.
type Spares struct {
	SpareDeps
	options  SpareOptions
	throttle throttle
	wake     chan struct{}
	slots    chan struct{} // one for each check under way
	running  sync.WaitGroup

	mu   sync.Mutex
	busy map[store.Digest]bool // contents that are being checked, and whether one was found due again since; mu
	away map[string]time.Time  // by kind and node or bucket: until when it is taken to be out of reach; mu
}

// NewSpares returns a Spares. Nothing is read before Run.
func NewSpares(d SpareDeps, o SpareOptions) *Spares {
	o.Bandwidth = orDefault(o.Bandwidth, 256<<20)
	o.Workers = orDefault(o.Workers, 2)
	o.ScanEvery = orDefault(o.ScanEvery, 15*time.Second)
	return &Spares{
		SpareDeps: d, options: o, wake: make(chan struct{}, 1), slots: make(chan struct{}, o.Workers),
		busy: map[store.Digest]bool{}, away: map[string]time.Time{},
	}
}

// Wake has Run look for due spares now. It does not wait. A nil Spares does nothing.
func (s *Spares) Wake() {
	if s == nil {
		return
	}
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// Run checks spares as they become due, until ctx ends. It may be called once.
func (s *Spares) Run(ctx context.Context) error {
	defer s.running.Wait()
	tick := time.NewTicker(s.options.ScanEvery)
	defer tick.Stop()
	for ctx.Err() == nil {
		if s.pass(ctx) {
			continue
		}
		select {
		case <-s.wake:
		case <-tick.C:
		case <-ctx.Done():
		}
	}
	return nil
}

// Once checks the spares that are due now.
func (s *Spares) Once(ctx context.Context) {
	for s.pass(ctx) {
		s.running.Wait()
	}
	s.running.Wait()
}

// sparesAtATime is how many due spares one pass looks at.
const sparesAtATime = 200

// pass starts to check the contents of due spares as workers are free, and reports whether there may be more of them.
// It does not wait for the checks: a large content must not keep those behind it waiting while another worker is free.
func (s *Spares) pass(ctx context.Context) (more bool) {
	due, err := s.Rows.DueSpares(ctx, s.Places.Node, s.Now(), sparesAtATime)
	if err != nil {
		if ctx.Err() == nil {
			s.Log.Warn("could not look for spare copies; trying again", "err", err)
		}
		return false
	}
	started := 0
	for _, sp := range due {
		d := sp.Sums.Digest
		if !s.begin(d) {
			continue // several spares of one content are decided about together
		}
		select {
		case s.slots <- struct{}{}:
		case <-ctx.Done():
			s.end(d)
			return false
		}
		started++
		s.running.Go(func() {
			defer func() { <-s.slots }()
			defer s.end(d)
			if err := s.check(ctx, d); err != nil && ctx.Err() == nil {
				s.Log.Warn("could not check a spare copy; trying again", "digest", d, "err", err)
			}
		})
	}
	return len(due) == sparesAtATime && started > 0 && ctx.Err() == nil
}

// begin marks a content as being checked, unless it is.
func (s *Spares) begin(d store.Digest) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, busy := s.busy[d]
	s.busy[d] = busy
	return !busy
}

func (s *Spares) end(d store.Digest) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.busy[d] {
		s.Wake()
	}
	delete(s.busy, d)
}

// isAway reports whether the node or store of a location was out of reach a moment ago. It is not asked again so soon:
// each attempt may take a minute, and must not keep other contents waiting.
func (s *Spares) isAway(l store.Location) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.Now().Before(s.away[string(l.Kind)+" "+l.In])
}

func (s *Spares) setAway(l store.Location) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.away[string(l.Kind)+" "+l.In] = s.Now().Add(spareBackoff / 2)
}

// A copyState is what reading a copy of a content whole has shown.
type copyState int

const (
	copyRight   copyState = iota // it has the size and digests of the content
	copyWrong                    // it is not there, or has other bytes
	copyUnknown                  // it could not be read now
)

// check decides about the spares of one content.
func (s *Spares) check(ctx context.Context, d store.Digest) error {
	c, err := s.Contents.Content(ctx, d)
	if errors.Is(err, store.ErrNotFound) {
		return nil // purged, and its spares with it
	} else if err != nil {
		return err
	}
	// Those recorded from now on are not decided about: the reading begins only after this.
	spares, err := s.Rows.SparesOf(ctx, d)
	if err != nil {
		return err
	}
	isDue := func(sp store.Spare) bool { return !sp.Due.After(s.Now()) }
	if !slices.ContainsFunc(s.own(spares), isDue) {
		return nil // an earlier check of this pass has decided about them
	}
	state, why := s.readMain(ctx, c)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	switch state {
	case copyRight:
		return s.keep(ctx, c, c.Location, spares)
	case copyWrong:
		return s.promote(ctx, c, s.own(spares), why)
	}
	s.Log.Info("could not read the main copy of a content; its spare copy is kept",
		"digest", d, "location", c.Location, "err", why)
	return s.wait(ctx, c, s.own(spares), why)
}

// own returns the spares on this node's disk. Others are for their nodes to promote.
func (s *Spares) own(spares []store.Spare) []store.Spare {
	var own []store.Spare
	for _, sp := range spares {
		if !s.Places.away(sp.Location) {
			own = append(own, sp)
		}
	}
	return own
}

// readMain reads a content's main blob.
func (s *Spares) readMain(ctx context.Context, c store.Content) (copyState, error) {
	if c.Status == store.ContentDamaged {
		return copyWrong, store.ErrDamaged
	}
	if s.isAway(c.Location) {
		return copyUnknown, store.ErrUnavailable
	}
	state, err := s.read(ctx, c.Location, c.Sums)
	switch {
	case state != copyUnknown || ctx.Err() != nil:
	case !s.ownDisk(c.Location):
		s.setAway(c.Location)
	case errors.Is(err, errUnreadable):
		state = copyWrong // a spare that can be read is better, and as safe: it is on the same disk
	}
	return state, err
}

// errUnreadable says that a copy was opened and could not be read to its end.
var errUnreadable = errors.New("reading the copy failed")

// ownDisk reports whether a location is on this node's disk.
func (s *Spares) ownDisk(l store.Location) bool { return l.Kind == store.Local && !s.Places.away(l) }

// read reads a copy whole and compares it with what it should be.
func (s *Spares) read(ctx context.Context, l store.Location, want store.Sums) (copyState, error) {
	blob, err := s.Places.Open(ctx, l)
	if errors.Is(err, store.ErrNotFound) {
		return copyWrong, err
	} else if err != nil {
		return copyUnknown, err
	}
	defer blob.Close()
	if blob.Size() != want.Size {
		return copyWrong, fmt.Errorf("%w: it has %d bytes, not %d", store.ErrLength, blob.Size(), want.Size)
	}
	got, err := sumReader(ctx, s.throttle.limit(ctx, blob, s.options.Bandwidth))
	s.Metrics.SpareBytesRead.Add(float64(got.Size))
	switch {
	case ctx.Err() != nil:
		return copyUnknown, ctx.Err()
	case err != nil:
		return copyUnknown, fmt.Errorf("%w: %w", errUnreadable, err)
	case got != want:
		return copyWrong, fmt.Errorf("%w: it has other bytes", store.ErrDigestMismatch)
	}
	return copyRight, nil
}

// keep lets go of spares, a copy at good having been read whole. What lies on this disk is removed at once; elsewhere
// it is garbage, which the node that has it sweeps.
func (s *Spares) keep(ctx context.Context, c store.Content, good store.Location, spares []store.Spare) error {
	var at []store.Location
	for _, sp := range spares {
		at = append(at, sp.Location)
	}
	dropped, err := s.Rows.ConfirmCopy(ctx, c.Sums.Digest, good, at, s.Now())
	if errors.Is(err, store.ErrConflict) {
		return nil // it has moved or was replaced since: the spares are still due, and it is read where it is now
	} else if err != nil {
		return err
	}
	s.Metrics.SparesSettled.WithLabelValues("not needed").Add(float64(len(dropped)))
	for _, l := range dropped {
		s.remove(ctx, l)
	}
	return nil
}

// remove deletes a spare that is listed as garbage, so that it does not take space for the grace time: nothing but
// downloads that have it open already reads it. If this fails the sweeper does it.
func (s *Spares) remove(ctx context.Context, l store.Location) {
	if !s.ownDisk(l) {
		return
	}
	err := s.Places.Local.Delete(ctx, l.Name())
	if err == nil {
		err = s.Garbage.DropGarbage(ctx, l)
	}
	if err != nil {
		s.Log.Warn("could not remove a spare copy; the sweeper will", "location", l, "err", err)
	}
}

// promote puts a spare in the place of the main blob, which is not what it should be. The spare itself is read first:
// it may have suffered since it was verified.
func (s *Spares) promote(ctx context.Context, c store.Content, own []store.Spare, why error) error {
	good, rest, err := s.findGood(ctx, own)
	switch {
	case err != nil:
		return err
	case good == nil && len(rest) > 0: // they cannot be read now
		return s.postpone(ctx, rest[0])
	case good == nil:
		return s.lost(ctx, c, why)
	}
	err = s.Rows.PromoteSpare(ctx, *good, c.Location, s.Target, s.Now())
	if errors.Is(err, store.ErrConflict) {
		return nil // it has moved or was replaced since; spares that are left are still due
	} else if err != nil {
		return err
	}
	s.Metrics.SparesSettled.WithLabelValues("promoted").Inc()
	s.Log.Error("the main copy of a content is not right; a spare copy took its place",
		"digest", c.Sums.Digest, "was", c.Location, "is", good.Location, "err", why)
	t := store.Transfer{Digest: c.Sums.Digest, From: good.Location, Target: s.Target}
	if err := publish(ctx, s.Queue, t); err != nil {
		s.Log.Warn("could not publish a transfer; it will be found without", "digest", c.Sums.Digest, "err", err)
	}
	return s.keep(ctx, c, good.Location, rest)
}

// findGood returns the first spare that is read whole and found right, and those that are left besides. Spares that are
// not right become garbage.
func (s *Spares) findGood(ctx context.Context, own []store.Spare) (good *store.Spare, rest []store.Spare, err error) {
	for i, sp := range own {
		state, why := s.read(ctx, sp.Location, sp.Sums)
		switch {
		case ctx.Err() != nil:
			return nil, nil, ctx.Err()
		case state == copyRight:
			return &own[i], append(rest, own[i+1:]...), nil
		case state == copyUnknown:
			rest = append(rest, sp)
			continue
		}
		s.Log.Error("a spare copy is not right", "digest", sp.Sums.Digest, "location", sp.Location, "err", why)
		if err := s.Rows.DropSpare(ctx, sp.Location, s.Now()); err != nil {
			return nil, nil, err
		}
		s.Metrics.SparesSettled.WithLabelValues("not right").Inc()
	}
	return nil, rest, nil
}

// lost marks a content as damaged whose main blob and spares are all not right. What another node sent may have been
// spoilt on the way, and what cannot be read may be read later, so these decide nothing.
func (s *Spares) lost(ctx context.Context, c store.Content, why error) error {
	remote := s.Places.away(c.Location) && !errors.Is(why, store.ErrNotFound)
	if c.Status == store.ContentDamaged || remote || errors.Is(why, errUnreadable) {
		return nil
	}
	s.Log.Error("content is damaged", "digest", c.Sums.Digest, "location", c.Location, "err", why)
	err := s.Contents.MarkContent(ctx, c.Sums.Digest, c.Location, store.ContentDamaged, s.Now())
	if errors.Is(err, store.ErrConflict) {
		return nil
	}
	return err
}

// wait keeps spares until the main blob can be read. One of several on this disk is enough for that, once it was read.
// If the main blob is on the disk of a node that cannot be reached, and a download asked for it, a spare takes its
// place: it is no less safe where it is. A blob in an object store is safer than a spare, which then only stands in.
func (s *Spares) wait(ctx context.Context, c store.Content, own []store.Spare, why error) error {
	if len(own) == 0 {
		return nil
	}
	if own[0].Wanted && s.Places.away(c.Location) {
		return s.promote(ctx, c, own, why)
	}
	if len(own) > 1 {
		good, rest, err := s.findGood(ctx, own)
		if err != nil {
			return err
		}
		if good != nil {
			if err := s.keep(ctx, c, good.Location, rest); err != nil {
				return err
			}
		}
	}
	return s.postpone(ctx, own[0])
}

const (
	spareBackoff    = 15 * time.Second
	spareBackoffMax = 10 * time.Minute
)

// postpone has the spares of a content on this disk, of which sp is one, wait before the next attempt. A download that
// wants them meanwhile has them checked at once.
func (s *Spares) postpone(ctx context.Context, sp store.Spare) error {
	wait := min(spareBackoffMax, spareBackoff<<min(sp.Attempts, 16))
	due := s.Now().Add(wait/2 + rand.N(wait/2))
	return s.Rows.PostponeSpares(ctx, sp.Sums.Digest, s.Places.Node, sp.Wanted, due)
}

// Open opens a spare of a content whose main blob cannot be opened, on this node or another, and has the spare checked
// soon. store.ErrNotFound: there is none that can be opened. A nil Spares has none.
func (s *Spares) Open(ctx context.Context, c store.Content) (store.Blob, error) {
	if s == nil {
		return nil, store.ErrNotFound
	}
	spares, err := s.Rows.SparesOf(ctx, c.Sums.Digest)
	if err != nil {
		return nil, err
	}
	for _, near := range []bool{true, false} {
		for _, sp := range spares {
			if s.Places.away(sp.Location) == near || sp.Sums != c.Sums {
				continue
			}
			if blob, err := s.openSpare(ctx, sp); err == nil {
				return blob, nil
			}
		}
	}
	return nil, fmt.Errorf("spares of %s: %w", c.Sums.Digest, store.ErrNotFound)
}

func (s *Spares) openSpare(ctx context.Context, sp store.Spare) (store.Blob, error) {
	blob, err := s.Places.Open(ctx, sp.Location)
	if err != nil {
		return nil, err
	}
	if blob.Size() != sp.Sums.Size {
		return nil, errors.Join(store.ErrLength, blob.Close())
	}
	s.Log.WarnContext(ctx, "a spare copy is served", "digest", sp.Sums.Digest, "location", sp.Location)
	if !sp.Wanted {
		if err := s.Rows.WantSpares(ctx, sp.Sums.Digest, s.Now()); err != nil {
			s.Log.WarnContext(ctx, "could not mark a spare copy as wanted", "digest", sp.Sums.Digest, "err", err)
		}
		s.Wake()
	}
	return blob, nil
}
