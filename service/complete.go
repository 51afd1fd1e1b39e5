package service

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/blinkdrive/blinkdrive/store"
)

// A CompleteRequest says that all chunks of an upload are there. What it names besides the upload must agree with what
// was announced, and with the bytes.
type CompleteRequest struct {
	Upload   store.UploadID
	Digest   store.Digest   // zero: as announced
	Size     int64          // -1: as announced
	Name     string         // empty: as announced
	Path     string         // empty: as announced
	Modified time.Time      // zero: as announced
	Clash    store.Clash    // what to do where the name is taken; empty: rename
	Digests  []store.Digest // of the chunks, or nil
}

// Complete turns an upload whose chunks are all held into a file. It moves no bytes and hashes only what the follower has
// not. It is idempotent for each folder and name: repeated, also at once and by many clients, there is one entry and one
// charge. Another folder or name makes another entry of the same bytes. A request that names neither gets an entry for
// each target that was announced by Init. The entry is zero if it has been deleted since.
//
// Incomplete: chunks are missing, the upload lives on. DigestMismatch: the bytes are not what was announced; the named
// chunks must be sent again. Collision: another content has this SHA-1; the upload is ended.
func (s *Uploads) Complete(ctx context.Context, user store.User, req CompleteRequest) (store.Entry, error) {
	begun := time.Now()
	unlock, err := s.completing.lock(ctx, string(req.Upload), s.lockWait())
	if err != nil {
		return store.Entry{}, err
	}
	defer unlock()
	u, err := s.Rows.Upload(ctx, user.ID, req.Upload)
	switch {
	case errors.Is(err, store.ErrNotFound) || err == nil && u.State == store.UploadCancelled:
		return store.Entry{}, errorf(NotFound, "upload not found")
	case err != nil:
		return store.Entry{}, explain(fmt.Errorf("complete: %w", err))
	}
	known, err := s.targets(ctx, u)
	if err != nil {
		return store.Entry{}, err
	}
	if u.State == store.UploadDone {
		return s.again(ctx, u, known, req)
	}
	if err := agrees(u, known, req); err != nil {
		return store.Entry{}, err
	}
	sums, err := s.verify(ctx, u, req)
	if err != nil {
		return store.Entry{}, err
	}
	wanted, err := s.wanted(ctx, u.User, known, req.Name, req.Path)
	if err != nil {
		return store.Entry{}, err
	}
	e, err := s.commit(ctx, u, sums, wanted, req)
	if err != nil {
		return store.Entry{}, err
	}
	s.Metrics.CompleteSeconds.Observe(time.Since(begun).Seconds())
	return e, nil
}

// again answers a repeated Complete. What its first run left undone after the commit is done now.
func (s *Uploads) again(ctx context.Context, u store.Upload, known knownTargets, req CompleteRequest) (store.Entry, error) {
	if u.ID.Node() == s.Node {
		if err := s.clear(ctx, u.ID); err != nil {
			return store.Entry{}, err
		}
	}
	if err := known.agree(req.Name, req.Path); err != nil {
		return store.Entry{}, err
	}
	wanted, err := s.wanted(ctx, u.User, known, req.Name, req.Path)
	if err != nil {
		return store.Entry{}, err
	}
	return s.completeDone(ctx, u, wanted, req)
}

// agrees compares a request with what was announced.
func agrees(u store.Upload, known knownTargets, req CompleteRequest) error {
	if err := known.agree(req.Name, req.Path); err != nil {
		return err
	}
	switch {
	case req.Digest.IsZero() && u.Digest.IsZero():
		return errorf(Invalid, "parameter filehash is required")
	case !req.Digest.IsZero() && !u.Digest.IsZero() && req.Digest != u.Digest:
		return errorf(Invalid, "the digest differs from the one announced for the upload")
	case req.Size >= 0 && req.Size != u.Layout.Size:
		return errorf(Invalid, "the upload was announced with %d bytes, not %d", u.Layout.Size, req.Size)
	case req.Digests != nil && len(req.Digests) != u.Layout.Count():
		return errorf(Invalid, "the upload has %d chunks, but %d chunk digests were given", u.Layout.Count(), len(req.Digests))
	}
	return nil
}

// verify finishes the hash, compares it with what was announced, and makes the bytes durable. A digest that the client
// names only now is not kept where it turns out wrong: the next complete may name another.
func (s *Uploads) verify(ctx context.Context, u store.Upload, req CompleteRequest) (store.Sums, error) {
	want := u.Digest
	if want.IsZero() {
		want = req.Digest
	}
	staged, err := s.staged(ctx, u)
	if err != nil {
		return store.Sums{}, err
	}
	defer staged.Close()
	sums, err := staged.Verify(ctx)
	if err != nil {
		return store.Sums{}, explain(fmt.Errorf("complete: %w", err))
	}
	if sums.Digest != want {
		return store.Sums{}, s.mismatch(ctx, u, staged, req.Digests)
	}
	s.step("complete.verified")
	return sums, nil
}

// mismatch lets go of the chunks that can be blamed for a wrong digest: those that changed on the disk, or that are not
// what the client says they should be. Where none can, it is all of them; where that has happened before, what was
// announced is not what the client sends, and the upload is ended.
func (s *Uploads) mismatch(ctx context.Context, u store.Upload, staged store.Staged, digests []store.Digest) error {
	s.Metrics.DigestMismatches.Inc()
	bad, err := staged.Bad(ctx, digests)
	if err != nil {
		return explain(fmt.Errorf("complete: %w", err))
	}
	if len(bad) == 0 {
		if s.failed.add(u.ID) || u.Layout.Count() == 0 {
			return errors.Join(
				errorf(DigestMismatch, "the content does not match the announced digest; the upload was cancelled"),
				s.end(ctx, u, "digest mismatch"))
		}
		bad = staged.Held()
	}
	if err := staged.Drop(ctx, bad); err != nil {
		return explain(fmt.Errorf("complete: %w", err))
	}
	if err := s.Progress.Unmark(ctx, u.ID, bad); err != nil && !errors.Is(err, store.ErrNotFound) {
		return explain(fmt.Errorf("complete: %w", err))
	}
	return &Error{Kind: DigestMismatch, Msg: "the content does not match the announced digest; send these chunks again", Chunks: bad}
}

// commit gives verified bytes their name and makes an entry for each target, all of them or none. Until the transaction
// the staging is whole, so a crash costs nothing: the same call does it again. Staging goes last.
func (s *Uploads) commit(
	ctx context.Context, u store.Upload, sums store.Sums, targets []store.UploadTarget, req CompleteRequest,
) (store.Entry, error) {
	if err := s.recordDigest(ctx, u, sums.Digest); err != nil {
		return store.Entry{}, err
	}
	var cs []store.Completion
	for _, t := range targets {
		c := aimed(s.completion(u.ID, u.User, sums), t, req)
		c.Row = true
		cs = append(cs, c)
	}
	c := cs[0] // the upload becomes the blob with the first; the others find it done
	err := s.Staging.Publish(ctx, u.ID, c.Location.Name())
	if errors.Is(err, store.ErrNotFound) { // the next try finds the upload, and which chunks are to be sent again
		return store.Entry{}, &Error{Kind: Unavailable, Msg: "the uploaded chunks were lost; try again", Cause: err}
	} else if err != nil {
		return store.Entry{}, explain(err)
	}
	s.step("complete.published")
	done, err := s.Rows.CompleteUploads(ctx, cs)
	if err != nil {
		return store.Entry{}, s.refused(ctx, u, c, err)
	}
	s.step("complete.committed")
	s.settle(ctx, c, done[0])
	s.failed.forget(u.ID)
	return done[len(done)-1].Entry, s.clear(ctx, u.ID)
}

// recordDigest records a digest that was named only now, and that the bytes have: if this complete fails and the upload
// is cancelled, the blob is found by it.
func (s *Uploads) recordDigest(ctx context.Context, u store.Upload, d store.Digest) error {
	if !u.Digest.IsZero() {
		return nil
	}
	err := s.Rows.BindUpload(ctx, u.User, u.ID, d)
	if errors.Is(err, store.ErrExists) || errors.Is(err, store.ErrConflict) {
		return nil // another open upload of the user has it; or this one has ended, which the transaction finds out
	}
	return explain(err)
}

func (s *Uploads) completion(id store.UploadID, user store.UserID, sums store.Sums) store.Completion {
	return store.Completion{
		Upload: id, User: user, Sums: sums, Target: s.Target, When: s.Now(),
		Location: s.Local.Locate(store.NewBlobName(sums.Digest, id)),
	}
}

// refused handles a completion that the transaction did not take. What can succeed later stays as it is.
func (s *Uploads) refused(ctx context.Context, u store.Upload, c store.Completion, err error) error {
	switch {
	case errors.Is(err, store.ErrCollision):
		s.Metrics.Collisions.Inc()
		s.Log.ErrorContext(ctx, "content refused: SHA-1 collision",
			"upload", u.ID, "digest", c.Sums.Digest, "sha256", c.Sums.SHA256)
		err = errors.Join(explain(err), s.discard(ctx, c), s.end(ctx, u, "collision"))
	case errors.Is(err, store.ErrExists), errors.Is(err, store.ErrTooMany), errors.Is(err, store.ErrQuota):
		// The name is taken, or the like; the upload lives on, and may be cancelled. Its blob goes at once, not as
		// garbage: a complete under another name publishes it again.
		if errors.Is(err, store.ErrTooMany) {
			err = tooManyTargets()
		}
		err = errors.Join(explain(err), s.Local.Delete(ctx, c.Location.Name()))
	case errors.Is(err, store.ErrConflict): // cancelled or expired meanwhile
		err = errors.Join(errorf(NotFound, "upload not found"), s.discard(ctx, c), s.clear(ctx, u.ID))
	}
	return explain(fmt.Errorf("complete: %w", err))
}

// discard makes a published blob that got no row into garbage.
func (s *Uploads) discard(ctx context.Context, c store.Completion) error {
	return s.Garbage.AddGarbage(ctx, store.Garbage{Location: c.Location, Since: s.Now()})
}

// settle does what follows a commit. None of it can fail the completion: what is not done here, the sweeper does.
func (s *Uploads) settle(ctx context.Context, c store.Completion, done store.Completed) {
	s.Metrics.UploadsCompleted.Inc()
	if !done.Stored { // the blob is a spare now; whether it is needed is found out after the answer
		s.Spares.Wake()
	}
	// The message goes out either way: a broker takes milliseconds, or seconds if it is down, and the time of the answer
	// must not tell whether others hold the content. A worker that finds no job lets the message go.
	t := store.Transfer{Digest: c.Sums.Digest, From: c.Location, Target: c.Target}
	if err := publish(ctx, s.Queue, t); err != nil {
		s.Log.WarnContext(ctx, "could not publish the transfer; the worker will find the job in the database", "digest", c.Sums.Digest, "err", err)
	}
	s.step("complete.queued")
}
