package service

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"net/netip"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/blinkdrive/blinkdrive/store"
)

const (
	// challengeTTL is how long a challenge can be answered.
	challengeTTL = 2 * time.Minute
	// failedProofTime is when a failed proof is answered, counted from its arrival, whatever the cause. Reading the
	// stored bytes must be over well before.
	failedProofTime = 500 * time.Millisecond
	proofReadTime   = 400 * time.Millisecond

	proofRanges = 32
	proofRange  = 1 << 10  // bytes
	proofWhole  = 64 << 10 // files up to this are proven whole
)

// Instant links content that the drive holds, so that nobody sends it again. Whoever does not have the content already
// must prove to possess it: knowing a digest is not owning a file. What is asked for, and what a prover who
// has nothing is told and when, does not depend on whether the drive holds it.
type Instant struct {
	Entries    store.Entries
	Contents   store.Contents
	Uploads    *Uploads // for folders and limits
	Places     Places
	Challenges store.Challenges
	Throttle   *Throttle // of failed proofs

	NoProof  bool // link without proof, in closed deployments
	UserOnly bool // only content that the user has: nothing is told about that of others

	Log     *slog.Logger
	Now     func() time.Time
	Metrics *Metrics
}

// An InstantRequest asks for an entry without sending bytes.
type InstantRequest struct {
	Digest    store.Digest
	Size      int64 // as claimed; -1: not told
	Name      string
	Path      string
	Clash     store.Clash // what to do where the name is taken; empty: rename
	Modified  time.Time
	Challenge string // with Proof: the answer to an earlier challenge
	Proof     string // hex HMAC-SHA-256 over the bytes of the ranges, keyed by the challenge
	From      netip.Addr
}

// An InstantAnswer is one of: an entry, a challenge, or neither, which is a miss.
type InstantAnswer struct {
	Hit       bool
	Entry     store.Entry
	Challenge string
	Ranges    []store.Range
}

// Link answers an instant upload.
func (s *Instant) Link(ctx context.Context, user store.User, req InstantRequest) (InstantAnswer, error) {
	arrived := time.Now()
	if req.Size < -1 || req.Size > s.Uploads.maxSize() {
		return InstantAnswer{}, errorf(Invalid, "the file size must be between 0 and %d bytes", s.Uploads.maxSize())
	}
	own, name, err := s.own(ctx, user.ID, req.Digest)
	switch {
	case err == nil && (req.Size < 0 || req.Size == own.Sums.Size):
		return s.link(ctx, user, req, own, name)
	case err != nil && !errors.Is(err, store.ErrNotFound):
		return InstantAnswer{}, fmt.Errorf("instant: %w", err)
	case s.UserOnly || req.Size < 0:
		return s.miss(), nil
	case s.NoProof:
		return s.unproven(ctx, user, req)
	case req.Challenge == "" || req.Proof == "":
		return s.challenge(ctx, user, req)
	}
	return s.prove(ctx, user, req, arrived)
}

// own returns a content that the user has, under a name that the user gave it. What lies in the user's trash counts too.
// store.ErrNotFound.
func (s *Instant) own(ctx context.Context, user store.UserID, d store.Digest) (store.Content, string, error) {
	e, err := s.Entries.EntryByDigest(ctx, user, d)
	if err == nil || !errors.Is(err, store.ErrNotFound) {
		return e.Content, e.Name, err
	}
	has, err := s.Contents.Possesses(ctx, user, d)
	if err != nil {
		return store.Content{}, "", err
	} else if !has {
		return store.Content{}, "", store.ErrNotFound
	}
	c, err := s.Contents.Content(ctx, d)
	return c, d.String(), err
}

func (s *Instant) miss() InstantAnswer {
	s.Metrics.InstantMisses.Inc()
	return InstantAnswer{}
}

// unproven links by digest and size alone.
func (s *Instant) unproven(ctx context.Context, user store.User, req InstantRequest) (InstantAnswer, error) {
	c, err := s.Contents.Content(ctx, req.Digest)
	if errors.Is(err, store.ErrNotFound) || err == nil && c.Sums.Size != req.Size {
		return s.miss(), nil
	} else if err != nil {
		return InstantAnswer{}, fmt.Errorf("instant: %w", err)
	}
	return s.link(ctx, user, req, c, "")
}

// link makes the entry. Content that is gone or damaged by now is a miss.
func (s *Instant) link(ctx context.Context, user store.User, req InstantRequest, c store.Content, name string) (InstantAnswer, error) {
	if name == "" {
		name = req.Digest.String()
	}
	if err := s.affordable(ctx, user, req.Path, c.Sums.Size); err != nil {
		return InstantAnswer{}, explain(fmt.Errorf("instant: %w", err))
	}
	name, folder, err := cleanTarget(cmp.Or(req.Name, name), req.Path)
	if err != nil {
		return InstantAnswer{}, err
	}
	e, err := s.Entries.LinkContent(ctx, store.NewEntry{
		User: user.ID, Digest: req.Digest, Size: c.Sums.Size, Folder: folder, Name: name,
		Clash: req.Clash, Modified: req.Modified, When: s.Now(),
	})
	if errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrDamaged) {
		return s.miss(), nil
	} else if err != nil {
		return InstantAnswer{}, explain(fmt.Errorf("instant: %w", err))
	}
	s.Metrics.InstantHits.Inc()
	s.Metrics.BytesNotSent.Add(float64(c.Sums.Size))
	return InstantAnswer{Hit: true, Entry: e}, nil
}

// affordable refuses what the quota will not allow before a folder is made for it, and only then: in a folder that is there
// the entry may be there too, and cost nothing. The transaction decides, a little later.
func (s *Instant) affordable(ctx context.Context, user store.User, path string, size int64) error {
	p, err := CleanPath(path)
	if err != nil || len(p) == 0 || size <= user.Quota-user.Used-user.Reserved {
		return nil //nolint:nilerr // whoever makes the folder says so
	}
	_, err = s.Entries.EntryAt(ctx, user.ID, p)
	if errors.Is(err, store.ErrNotFound) {
		return store.ErrQuota
	}
	return err
}

// challenge asks for a proof. It is drawn from the claimed size alone; the index of contents is not consulted.
func (s *Instant) challenge(ctx context.Context, user store.User, req InstantRequest) (InstantAnswer, error) {
	key := rand.Text()
	ranges, err := drawRanges(req.Size)
	if err != nil {
		return InstantAnswer{}, err
	}
	c := store.Challenge{User: user.ID, Digest: req.Digest, Size: req.Size, Ranges: ranges}
	if err := s.Challenges.Add(ctx, key, c, challengeTTL); err != nil {
		return InstantAnswer{}, explain(fmt.Errorf("challenge: %w", err))
	}
	s.Metrics.InstantChallenges.Inc()
	return InstantAnswer{Challenge: key, Ranges: ranges}, nil
}

// drawRanges picks 1 KiB at random from each 1/32 of a file; a small file is asked for whole.
func drawRanges(size int64) ([]store.Range, error) {
	switch {
	case size == 0:
		return []store.Range{}, nil
	case size <= proofWhole:
		return []store.Range{{Offset: 0, Length: size}}, nil
	}
	ranges := make([]store.Range, proofRanges)
	for i := range ranges {
		from, to := size/proofRanges*int64(i), size/proofRanges*int64(i+1)
		if i == proofRanges-1 {
			to = size
		}
		n, err := rand.Int(rand.Reader, big.NewInt(to-from-proofRange+1))
		if err != nil {
			return nil, fmt.Errorf("draw ranges: %w", err)
		}
		ranges[i] = store.Range{Offset: from + n.Int64(), Length: proofRange}
	}
	return ranges, nil
}

// drawn reports whether drawRanges may have drawn these. Challenges may be kept where others can write, and ranges that
// ask for nothing would be proven by anybody.
func drawn(ranges []store.Range, size int64) bool {
	switch {
	case size == 0:
		return len(ranges) == 0
	case size <= proofWhole:
		return slices.Equal(ranges, []store.Range{{Offset: 0, Length: size}})
	case len(ranges) != proofRanges:
		return false
	}
	for i, r := range ranges {
		from, to := size/proofRanges*int64(i), size/proofRanges*int64(i+1)
		if i == proofRanges-1 {
			to = size
		}
		if r.Length != proofRange || r.Offset < from || r.Offset > to-proofRange {
			return false
		}
	}
	return true
}

// prove checks the answer to a challenge. One that is unknown, used, expired or somebody else's is answered by a new
// one, before anything of the content is looked at.
func (s *Instant) prove(ctx context.Context, user store.User, req InstantRequest, arrived time.Time) (InstantAnswer, error) {
	c, err := s.Challenges.Take(ctx, req.Challenge)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return InstantAnswer{}, explain(fmt.Errorf("challenge: %w", err))
	}
	if err != nil || c.User != user.ID || c.Digest != req.Digest || c.Size != req.Size || !drawn(c.Ranges, c.Size) {
		return s.challenge(ctx, user, req)
	}
	done, err := s.Throttle.Begin(AddressKey(req.From), AccountKey(user.Name, req.From))
	if err != nil {
		return InstantAnswer{}, err
	}
	var ans InstantAnswer
	proven, content := s.check(ctx, req, c.Ranges)
	if proven {
		if ans, err = s.link(ctx, user, req, content, ""); ans.Hit || err != nil {
			done(false)
			return ans, err
		}
	} else {
		ans = s.miss()
	}
	done(true)
	return ans, waitUntil(ctx, arrived.Add(failedProofTime))
}

// check reports whether the proof is that of the stored bytes. Whatever stands in the way, the proof has failed; the
// cause is for the log.
func (s *Instant) check(ctx context.Context, req InstantRequest, ranges []store.Range) (bool, store.Content) {
	ctx, cancel := context.WithTimeout(ctx, proofReadTime)
	defer cancel()
	type result struct {
		proven  bool
		content store.Content
		err     error
	}
	results := make(chan result, 1)
	go func() { // a disk that hangs must not be seen in the time of the answer
		var r result
		r.proven, r.content, r.err = s.compare(ctx, req, ranges)
		results <- r
	}()
	select {
	case r := <-results:
		if r.err != nil && !errors.Is(r.err, store.ErrNotFound) {
			s.Log.WarnContext(ctx, "could not check proof of possession", "digest", req.Digest, "err", r.err)
		}
		return r.proven, r.content
	case <-ctx.Done():
		s.Log.WarnContext(ctx, "could not check proof of possession in time", "digest", req.Digest)
		return false, store.Content{}
	}
}

func (s *Instant) compare(ctx context.Context, req InstantRequest, ranges []store.Range) (bool, store.Content, error) {
	c, blob, err := s.open(ctx, req.Digest)
	if err != nil {
		return false, c, err
	}
	defer blob.Close()
	if c.Sums.Size != req.Size {
		return false, c, nil
	}
	parts, err := readRanges(blob, ranges, proofReads(c.Location))
	if err != nil {
		return false, c, err
	}
	mac := hmac.New(sha256.New, []byte(req.Challenge))
	for _, p := range parts {
		mac.Write(p)
	}
	proof, err := hex.DecodeString(req.Proof)
	return err == nil && hmac.Equal(proof, mac.Sum(nil)), c, nil
}

// proofReads is how many ranges are read at once. A disk gives them one after the other in no time; an object store or another
// node takes its time for each, and for all of them together there is less than half a second.
func proofReads(l store.Location) int {
	if l.Kind == store.Local || l.Kind == store.Disk {
		return 1
	}
	return proofRanges
}

// readRanges reads some ranges of a blob, atOnce of them at a time.
func readRanges(blob store.Blob, ranges []store.Range, atOnce int) ([][]byte, error) {
	parts := make([][]byte, len(ranges))
	var g errgroup.Group
	g.SetLimit(atOnce)
	for i, r := range ranges {
		g.Go(func() error {
			parts[i] = make([]byte, r.Length)
			if _, err := blob.ReadAt(parts[i], r.Offset); err != nil {
				return fmt.Errorf("read %d bytes at %d: %w", r.Length, r.Offset, err)
			}
			return nil
		})
	}
	return parts, g.Wait()
}

// open opens a content's blob; one that has moved since its row was read is looked for once more.
func (s *Instant) open(ctx context.Context, d store.Digest) (store.Content, store.Blob, error) {
	for again := false; ; again = true {
		c, err := s.Contents.Content(ctx, d)
		if err == nil && c.Status == store.ContentDamaged {
			err = store.ErrDamaged
		}
		if err != nil {
			return c, nil, err
		}
		blob, err := s.Places.Open(ctx, c.Location)
		if err == nil || again || !errors.Is(err, store.ErrNotFound) {
			return c, blob, err
		}
	}
}

// waitUntil waits for a time, or for the caller to leave.
func waitUntil(ctx context.Context, t time.Time) error {
	timer := time.NewTimer(time.Until(t))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
