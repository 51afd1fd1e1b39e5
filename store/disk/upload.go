package disk

import (
	"bytes"
	"context"
	"crypto/sha1"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/blinkdrive/blinkdrive/store"
)

const (
	// syncAfter is how long a chunk may be held before it is on the disk too.
	syncAfter = 5 * time.Second
	// maxWait is how long a request waits for another that writes the same chunk.
	maxWait = 10 * time.Second
)

// An upload is the open staging of one upload. Its users are counted by Staging; the last one leaves it open.
type upload struct {
	staging *Staging
	id      store.UploadID

	// What Staging's mutex guards.
	refs      int
	idleSince time.Time

	// Set before ready is closed, and not changed after.
	ready  chan struct{}
	closed chan struct{} // of a stand-in: the upload it stands for has been closed
	isGate bool
	err    error
	layout store.Layout
	data   *os.File

	gone     atomic.Bool // removed: nothing may be acknowledged any more
	placed   atomic.Bool // what Create made is on the disk
	verified atomic.Bool // all is held, hashed and on the disk

	follower *follower

	mu        sync.Mutex
	journal   journal
	held      []bool   // by index-1
	crcs      []uint32 // of held chunks
	count     int      // held chunks
	prefix    int      // chunks 1..prefix are held
	writing   map[int]*chunkWriter
	takeovers map[int]int // of chunks that are not held; how often a writer was displaced
	following bool
	hashed    int64         // how far the follower has come, or further behind
	onward    chan struct{} // closed when it has come further or has ended; nil while nobody waits for that
	syncTimer *time.Timer   // running while there is something to sync
}

func newUpload(s *Staging, id store.UploadID) *upload {
	return &upload{
		staging: s, id: id, ready: make(chan struct{}), closed: make(chan struct{}),
		writing: map[int]*chunkWriter{}, takeovers: map[int]int{},
	}
}

// A handle is one caller's hold of an upload. It implements store.Staged.
type handle struct {
	*upload
	once sync.Once
}

// Close lets go of the handle, not of the bytes.
func (h *handle) Close() error {
	h.once.Do(func() { h.staging.release(h.upload) })
	return nil
}

// Layout returns how the upload is cut into chunks.
func (u *upload) Layout() store.Layout { return u.layout }

// WriteChunk puts a chunk into its place, or compares it with what is there.
func (u *upload) WriteChunk(ctx context.Context, index int, r io.Reader, want store.Digest) (bool, error) {
	if !u.layout.Has(index) {
		return false, fmt.Errorf("%w: chunk index %d must be between 1 and %d", store.ErrInvalid, index, u.layout.Count())
	}
	w, err := u.lockChunk(ctx, index, r)
	if err != nil {
		return false, err
	}
	defer u.unlockChunk(index, w)
	if u.isHeld(index) {
		return false, u.compare(ctx, index, w, want)
	}
	c, err := u.write(ctx, index, w, want)
	if err != nil {
		return false, err
	}
	if err := u.hold(c); err != nil {
		return false, err
	}
	u.pace(ctx)
	return true, nil
}

func (u *upload) isHeld(index int) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.held[index-1]
}

// write copies exactly the chunk's length from r to its offset.
func (u *upload) write(ctx context.Context, index int, r *chunkWriter, want store.Digest) (store.Chunk, error) {
	offset, length := u.layout.Extent(index)
	sum := newChunkSum(want)
	at := offset
	n, err := copyBlocks(ctx, io.LimitReader(r, length), func(p []byte) error {
		if err := r.displacedErr(); err != nil { // p is what came before
			return err
		}
		sum.add(p)
		_, err := u.data.WriteAt(p, at)
		at += int64(len(p))
		return noSpace(err)
	})
	if err != nil {
		return store.Chunk{}, err
	}
	if err := exact(r, n, length); err != nil {
		return store.Chunk{}, err
	}
	if err := sum.check(want); err != nil {
		return store.Chunk{}, fmt.Errorf("chunk %d: %w", index, err)
	}
	if u.staging.opts.SyncEach {
		if err := u.syncPlace(); err != nil {
			return store.Chunk{}, noSpace(err)
		}
		if err := syncData(u.data); err != nil {
			return store.Chunk{}, u.throwAway(err)
		}
	}
	return store.Chunk{Index: index, Length: length, CRC: sum.crc, Digest: want}, nil
}

// exact checks that a body had the bytes that it should have, and has no more.
func exact(r io.Reader, n, length int64) error {
	if n < length {
		return fmt.Errorf("%w: %d bytes, want %d", store.ErrLength, n, length)
	}
	var one [1]byte
	m, err := fill(r, one[:])
	switch {
	case m > 0:
		return fmt.Errorf("%w: more than %d bytes", store.ErrLength, length)
	case err != io.EOF:
		return err
	}
	return nil
}

// chunkSum computes a chunk's CRC-32C, and its SHA-1 where it is wanted.
type chunkSum struct {
	crc  uint32
	sha1 io.Writer
	sum  func([]byte) []byte
}

func newChunkSum(want store.Digest) *chunkSum {
	if want.IsZero() {
		return &chunkSum{}
	}
	h := sha1.New()
	return &chunkSum{sha1: h, sum: h.Sum}
}

func (s *chunkSum) add(p []byte) {
	s.crc = crc32.Update(s.crc, castagnoli, p)
	if s.sha1 != nil {
		s.sha1.Write(p) // a hash never fails
	}
}

func (s *chunkSum) check(want store.Digest) error {
	if s.sha1 != nil && store.Digest(s.sum(nil)) != want {
		return store.ErrDigestMismatch
	}
	return nil
}

// compare reads a repeated chunk and what is held of it side by side.
func (u *upload) compare(ctx context.Context, index int, r io.Reader, want store.Digest) error {
	offset, length := u.layout.Extent(index)
	sum := newChunkSum(want)
	mine := blocks.Get().(*[blockSize]byte)
	defer blocks.Put(mine)
	same, at := true, offset
	n, err := copyBlocks(ctx, io.LimitReader(r, length), func(p []byte) error {
		sum.add(p)
		if _, err := u.data.ReadAt(mine[:len(p)], at); err != nil {
			return err
		}
		same = same && bytes.Equal(p, mine[:len(p)])
		at += int64(len(p))
		return nil
	})
	if err != nil {
		return err
	}
	if err := exact(r, n, length); err != nil {
		return err
	}
	if !same {
		return fmt.Errorf("chunk %d was already stored with other bytes: %w", index, store.ErrConflict)
	}
	return sum.check(want)
}

// hold records a chunk whose bytes are in their place. Bytes first, mark second: a crash between them costs the client
// a chunk that was never acknowledged; the other way round there would be a hole in the file.
func (u *upload) hold(c store.Chunk) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.gone.Load() {
		return store.ErrNotFound
	}
	if err := u.journal.hold(c); err != nil {
		return err
	}
	if u.staging.opts.SyncEach {
		if err := syncData(u.journal.file); err != nil {
			return u.throwAway(err)
		}
	}
	u.mark(c)
	u.follow()
	u.syncLater()
	return nil
}

// mark takes a held chunk into memory.
func (u *upload) mark(c store.Chunk) {
	delete(u.takeovers, c.Index)
	u.held[c.Index-1] = true
	u.crcs[c.Index-1] = c.CRC
	u.count++
	for u.prefix < len(u.held) && u.held[u.prefix] {
		u.prefix++
	}
}

// Held returns the held chunks.
func (u *upload) Held() []int { return u.indexes(true) }

// Missing returns the chunks that are not held.
func (u *upload) Missing() []int { return u.indexes(false) }

func (u *upload) indexes(held bool) []int {
	u.mu.Lock()
	defer u.mu.Unlock()
	n := u.count
	if !held {
		n = len(u.held) - u.count
	}
	list := make([]int, 0, n)
	for i, h := range u.held {
		if h == held {
			list = append(list, i+1)
		}
	}
	return list
}

// Bad reads every chunk again.
func (u *upload) Bad(ctx context.Context, digests []store.Digest) ([]int, error) {
	var bad []int
	for index := 1; index <= u.layout.Count(); index++ {
		var want store.Digest
		if index <= len(digests) {
			want = digests[index-1]
		}
		ok, err := u.readsBack(ctx, index, want)
		if err != nil {
			return nil, err
		}
		if !ok {
			bad = append(bad, index)
		}
	}
	return bad, nil
}

// readsBack reports whether a chunk's bytes are those that were acknowledged.
func (u *upload) readsBack(ctx context.Context, index int, want store.Digest) (bool, error) {
	offset, length := u.layout.Extent(index)
	sum := newChunkSum(want)
	_, err := copyBlocks(ctx, io.NewSectionReader(u.data, offset, length), func(p []byte) error {
		sum.add(p)
		return nil
	})
	if err != nil {
		return false, fmt.Errorf("chunk %d: %w", index, err)
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.held[index-1] && u.crcs[index-1] == sum.crc && sum.check(want) == nil, nil
}

// load opens the files and brings back what the journal says.
func (u *upload) load() error {
	if err := u.openFiles(); err != nil {
		u.closeFiles()
		if errors.Is(err, fs.ErrNotExist) {
			return store.ErrNotFound
		}
		return err
	}
	n := u.layout.Count()
	u.held, u.crcs = make([]bool, n), make([]uint32, n)
	u.follower = newFollower(u.data)
	if err := u.recover(); err != nil {
		u.closeFiles()
		return err
	}
	u.hashed = u.follower.offset
	return nil
}

func (u *upload) openFiles() error {
	root := u.staging.root
	var err error
	if u.layout, err = u.staging.layout(u.id); err != nil {
		return err
	}
	if u.data, err = root.OpenFile(u.staging.path(u.id, dataFile), os.O_RDWR, 0); err != nil {
		return err
	}
	if u.journal.file, err = root.OpenFile(u.staging.path(u.id, journalFile), os.O_RDWR, 0); err != nil {
		return err
	}
	fi, err := u.data.Stat()
	if err == nil && fi.Size() != u.layout.Size {
		err = u.data.Truncate(u.layout.Size) // after a power cut; what is missing now fails its CRC
	}
	return err
}

func (u *upload) closeFiles() {
	for _, f := range []*os.File{u.data, u.journal.file} {
		if f != nil {
			_ = f.Close() // what had to be durable was synced, with its error looked at
		}
	}
}

// extent is Layout.Extent for indexes that are not known to be in range.
func (u *upload) extent(index int) (offset, length int64, ok bool) {
	if !u.layout.Has(index) {
		return 0, 0, false
	}
	offset, length = u.layout.Extent(index)
	return offset, length, true
}
