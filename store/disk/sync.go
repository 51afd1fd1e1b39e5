package disk

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/blinkdrive/blinkdrive/store"
)

// Verify returns the sums of the whole content and makes the bytes durable.
func (u *upload) Verify(ctx context.Context) (store.Sums, error) {
	u.follower.mu.Lock() // also keeps chunks from being dropped
	defer u.follower.mu.Unlock()
	if missing := u.Missing(); len(missing) > 0 {
		return store.Sums{}, &store.ChunkError{Err: store.ErrMissing, Chunks: missing}
	}
	// All bytes are in their places and stay as they are: they can go to the disk while the rest of them is hashed.
	synced := make(chan error, 1)
	go func() { synced <- u.data.Sync() }()
	err := u.follower.finish(ctx, u.layout.Size)
	if serr := <-synced; u.gone.Load() {
		return store.Sums{}, store.ErrNotFound
	} else if serr != nil {
		return store.Sums{}, u.throwAway(serr)
	}
	if err != nil {
		return store.Sums{}, err
	}
	u.verified.Store(true)
	return u.follower.hash.Sums(), nil
}

// Drop lets go of chunks, and of the hash states that have their bytes in them.
func (u *upload) Drop(_ context.Context, indexes []int) error {
	u.follower.mu.Lock()
	defer u.follower.mu.Unlock()
	u.mu.Lock()
	defer u.mu.Unlock()
	u.verified.Store(false)
	defer func() { u.hashed = u.follower.offset }()
	// Where it ends early, some are dropped already: their bytes may change, and must not stay in the hash. The journal is
	// synced, since after a power cut it must not call chunks held whose places have been written anew.
	return errors.Join(u.drop(indexes), u.rollBack(), u.journal.file.Sync())
}

func (u *upload) drop(indexes []int) error {
	for _, index := range indexes {
		if !u.layout.Has(index) {
			return fmt.Errorf("%w: chunk index %d must be between 1 and %d", store.ErrInvalid, index, u.layout.Count())
		}
		if !u.held[index-1] {
			continue
		}
		if err := u.journal.drop(index); err != nil {
			return err
		}
		u.held[index-1] = false
		u.count--
		u.prefix = min(u.prefix, index-1)
	}
	return nil
}

// rollBack takes the follower back to the last hash state that has no dropped chunk in it.
func (u *upload) rollBack() error {
	if u.follower.offset <= u.prefixEnd() {
		return nil
	}
	u.follower.reset()
	j, err := replay(io.NewSectionReader(u.journal.file, 0, u.journal.end), u.extent)
	if err != nil {
		return err
	}
	if n := len(j.checkpoints); n > 0 {
		u.follower.restore(j.checkpoints[n-1])
	}
	return nil
}

// follow starts the hash follower where there is something to hash and it does not run. The caller has u.mu.
func (u *upload) follow() {
	if u.following || u.gone.Load() {
		return
	}
	u.following = true
	s := u.staging
	s.mu.Lock()
	u.refs++ // a caller's handle is open, so this is not the first
	s.mu.Unlock()
	go func() {
		defer s.release(u)
		u.followOn()
	}()
}

// followOn hashes until it has caught up with the contiguous prefix.
func (u *upload) followOn() {
	for {
		offset, err := u.followBlock()
		if err != nil {
			// Verify meets the same error and reports it to somebody.
			u.staging.opts.Log.Error("could not hash staged chunks", "upload", u.id, "err", err)
		}
		if !u.goesOn(offset, err) {
			return
		}
	}
}

// goesOn tells those who wait how far the follower has come, and whether it has to go on.
func (u *upload) goesOn(offset int64, err error) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.hashed = offset
	u.following = err == nil && offset < u.prefixEnd() && !u.gone.Load()
	if u.onward != nil {
		close(u.onward)
		u.onward = nil
	}
	return u.following
}

// pace holds an acknowledgement back while the follower is far behind: bytes would come faster than they can be hashed, and
// complete would have to wait for all that is left. It never waits for bytes of other chunks, nor with a follower that has
// stopped.
func (u *upload) pace(ctx context.Context) {
	for {
		u.mu.Lock()
		if !u.following || u.prefixEnd()-u.hashed <= maxBehind {
			u.mu.Unlock()
			return
		}
		if u.onward == nil {
			u.onward = make(chan struct{})
		}
		onward := u.onward
		u.mu.Unlock()
		select {
		case <-onward:
		case <-ctx.Done():
			return
		}
	}
}

func (u *upload) prefixEnd() int64 { return min(int64(u.prefix)*u.layout.ChunkSize, u.layout.Size) }

// followBlock hashes one block, keeps a checkpoint every now and then, and returns how far it has come.
func (u *upload) followBlock() (int64, error) {
	f := u.follower
	f.mu.Lock() // first: from here on no chunk is dropped
	defer f.mu.Unlock()
	u.mu.Lock()
	limit := u.prefixEnd()
	u.mu.Unlock()
	_, err := f.advance(limit)
	if err == nil && f.offset-f.saved >= checkpointEvery {
		err = u.saveCheckpoint()
	}
	return f.offset, err
}

// saveCheckpoint writes the state of both hashes to the journal. The caller has the follower's mutex.
func (u *upload) saveCheckpoint() error {
	c, err := u.follower.checkpoint()
	if err != nil {
		return err
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if err := u.journal.hashed(c); err != nil {
		return err
	}
	u.follower.saved = c.offset
	return nil
}

// backgroundSync makes durable what was acknowledged in the last seconds.
func (u *upload) backgroundSync() {
	s := u.staging
	s.mu.Lock()
	if s.open[u.id] != u { // removed, or being closed, which syncs too
		s.mu.Unlock()
		return
	}
	u.refs++
	s.noLongerIdle(u)
	s.mu.Unlock()
	defer s.release(u)
	u.mu.Lock()
	u.syncTimer = nil
	u.mu.Unlock()
	err := u.sync()
	switch {
	case err == nil || u.gone.Load():
	case errors.Is(err, errSync):
		_ = u.throwAway(err) // it logs
	default:
		s.opts.Log.Warn("could not sync staged chunks in the background; retrying", "upload", u.id, "err", err)
		u.mu.Lock()
		defer u.mu.Unlock()
		u.syncLater()
	}
}

// syncLater has what is held now synced in a while. The caller has u.mu.
func (u *upload) syncLater() {
	if u.syncTimer == nil {
		u.syncTimer = time.AfterFunc(syncAfter, u.backgroundSync)
	}
}

// errSync: the kernel could not write bytes to the disk, and may have dropped them.
var errSync = errors.New("sync")

// sync makes all that is held durable and notes in the journal up to where. Only errSync puts in doubt what is held;
// after any other failure, such as a full disk, it may be called again.
func (u *upload) sync() error {
	u.mu.Lock()
	upTo := u.journal.end
	u.mu.Unlock()
	if err := errors.Join(syncData(u.data), syncData(u.journal.file)); err != nil {
		return fmt.Errorf("%w: %w", errSync, err)
	}
	if err := u.syncPlace(); err != nil {
		return err
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.journal.synced(upTo)
}

// syncPlace makes durable what Create made: without the layout and the names, the bytes are no use after a power cut.
func (u *upload) syncPlace() error {
	if u.placed.Load() {
		return nil
	}
	s := u.staging
	f, err := s.root.Open(s.path(u.id, layoutFile))
	if err != nil {
		return fmt.Errorf("sync layout: %w", err)
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("sync layout: %w", err)
	}
	for _, dir := range []string{s.path(u.id, ""), stagingDir} {
		if err := s.opts.Blobs.folders.syncDir(dir); err != nil {
			return err
		}
	}
	u.placed.Store(true)
	return nil
}

// throwAway gives up an upload's staging after a failed sync: the kernel may have dropped the bytes that it could not
// write, and a second sync would succeed without them. The upload itself lives on, with nothing held.
func (u *upload) throwAway(cause error) error {
	if u.gone.Swap(true) {
		return fmt.Errorf("sync: %w", noSpace(cause))
	}
	u.staging.opts.Log.Error("could not sync staged chunks; they are discarded", "upload", u.id, "err", cause)
	go func() { // Remove takes locks that a caller may have
		if err := u.staging.Remove(context.Background(), u.id); err != nil {
			u.staging.opts.Log.Error("could not remove staging", "upload", u.id, "err", err)
		}
	}()
	return fmt.Errorf("sync: %w", noSpace(cause))
}

// shutdown closes an upload that nobody uses, so that the next start has nothing to hash again and nothing to check.
func (u *upload) shutdown() {
	u.mu.Lock()
	dirty := u.syncTimer != nil
	if dirty {
		u.syncTimer.Stop()
	}
	u.mu.Unlock()
	u.follower.mu.Lock()
	var err error
	if u.follower.offset > u.follower.saved {
		err = u.saveCheckpoint()
	}
	u.follower.mu.Unlock()
	if dirty {
		err = errors.Join(err, u.sync())
	}
	if err != nil {
		u.staging.opts.Log.Error("could not close staging", "upload", u.id, "err", err)
	}
	u.closeFiles()
}
