package disk

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"sync"
	"syscall"

	"github.com/blinkdrive/blinkdrive/store"
)

// blockSize is how many bytes are read, checksummed and written at a time: they stay in the CPU's cache meanwhile.
const blockSize = 256 << 10

var blocks = sync.Pool{New: func() any { return new([blockSize]byte) }}

// copyBlocks reads r to its end in blocks, calls fn with each, and returns how many bytes there were.
func copyBlocks(ctx context.Context, r io.Reader, fn func([]byte) error) (int64, error) {
	buf := blocks.Get().(*[blockSize]byte)
	defer blocks.Put(buf)
	var total int64
	for {
		n, err := fill(r, buf[:])
		total += int64(n)
		if n > 0 {
			if ferr := fn(buf[:n]); ferr != nil {
				return total, ferr
			}
		}
		if err == io.EOF {
			return total, nil
		} else if err != nil {
			return total, err
		}
		if err := ctx.Err(); err != nil {
			return total, err
		}
	}
}

// fill reads until p is full or r fails. Unlike io.ReadFull it hands on r's own error, so that the end of a body (EOF)
// and a body that was cut off (ErrUnexpectedEOF) stay apart.
func fill(r io.Reader, p []byte) (n int, err error) {
	for n < len(p) && err == nil {
		var m int
		m, err = r.Read(p[n:])
		n += m
	}
	return n, err
}

// folders makes folders and remembers which of them are durable.
type folders struct {
	root   *os.Root
	synced sync.Map // by path
}

// make makes a folder and those above it, durably. One that is there already may be another request's, made a moment ago
// and not synced yet, so the first look at each syncs it too.
func (f *folders) make(dir string) error {
	if dir == "." {
		return nil
	}
	err := f.root.Mkdir(dir, 0o700)
	if errors.Is(err, fs.ErrNotExist) {
		if err := f.make(path.Dir(dir)); err != nil {
			return err
		}
		err = f.root.Mkdir(dir, 0o700)
	}
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	if _, known := f.synced.Load(dir); known && err != nil {
		return nil
	}
	if err := syncDir(f.root, path.Dir(dir)); err != nil {
		return err
	}
	f.synced.Store(dir, true)
	return nil
}

// syncDir makes the names in a folder durable.
func syncDir(root *os.Root, dir string) error {
	d, err := root.Open(dir)
	if err != nil {
		return fmt.Errorf("sync folder: %w", err)
	}
	err = d.Sync()
	if cerr := d.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return fmt.Errorf("sync folder: %w", err)
	}
	return nil
}

// noSpace marks errors of a full disk, or of a used-up disk quota, with the sentinel.
func noSpace(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fmt.Errorf("%w: %w", store.ErrNoSpace, err)
	}
	return err
}
