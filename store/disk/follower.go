package disk

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"

	"github.com/blinkdrive/blinkdrive/store/sums"
)

const (
	// checkpointEvery is how many hashed bytes may have to be hashed again after a restart.
	checkpointEvery = 64 << 20
	// writeBackEvery is how many bytes the follower leaves behind before it has the kernel write them to the disk.
	writeBackEvery = 8 << 20
	// maxBehind is how many bytes of the contiguous prefix may wait for the follower before acknowledgements wait too.
	maxBehind = 32 << 20
)

// A checkpoint is the state of both hashes after the first offset bytes of an upload.
type checkpoint struct {
	offset       int64
	sha1, sha256 []byte // as sums.Hash tells them
	at           int64  // where the journal says so
}

// A follower hashes an upload's contiguous prefix as it grows, reading it back while it is still in the page cache.
// It belongs to one upload; mu is held while it hashes.
type follower struct {
	mu      sync.Mutex
	file    *os.File
	hash    *sums.Hash
	offset  int64 // hashed so far
	saved   int64 // offset of the last checkpoint
	written int64 // write-back has been started up to here
}

func newFollower(file *os.File) *follower {
	f := &follower{file: file}
	f.reset()
	return f
}

func (f *follower) reset() {
	f.hash = sums.New()
	f.offset, f.saved = 0, 0
}

// restore goes on from a checkpoint. One that this build cannot read is as good as none.
func (f *follower) restore(c checkpoint) {
	if err := f.hash.Restore(c.sha1, c.sha256, c.offset); err != nil {
		f.reset()
		return
	}
	f.offset, f.saved, f.written = c.offset, c.offset, c.offset
}

func (f *follower) checkpoint() (checkpoint, error) {
	s1, s2, err := f.hash.State()
	return checkpoint{offset: f.offset, sha1: s1, sha256: s2}, err
}

// advance hashes one block of what lies before limit, and reports whether it did.
func (f *follower) advance(limit int64) (bool, error) {
	n := min(limit-f.offset, blockSize)
	if n <= 0 {
		return false, nil
	}
	buf := blocks.Get().(*[blockSize]byte)
	defer blocks.Put(buf)
	if _, err := f.file.ReadAt(buf[:n], f.offset); err != nil {
		return false, fmt.Errorf("hash follower: at %d: %w", f.offset, err)
	}
	f.hash.Write(buf[:n])
	f.offset += n
	if f.offset-f.written >= writeBackEvery {
		writeBack(f.file, f.written, f.offset-f.written)
		f.written = f.offset
	}
	return true, nil
}

// finish hashes all that lies before limit.
func (f *follower) finish(ctx context.Context, limit int64) error {
	for {
		more, err := f.advance(limit)
		if err = errors.Join(err, ctx.Err()); err != nil || !more {
			return err
		}
	}
}
