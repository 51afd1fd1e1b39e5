package disk

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"sync"
	"syscall"

	"golang.org/x/sync/errgroup"

	"github.com/blinkdrive/blinkdrive/store"
	"github.com/blinkdrive/blinkdrive/store/disk/internal/aio"
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
	syncer aio.Syncer
}

// make makes a folder and those above it, durably.
func (f *folders) make(dir string) error {
	unsynced, err := f.prepare(dir)
	if err != nil {
		return err
	}
	return f.sync(unsynced)
}

// prepare makes a folder and those above it, and returns those whose names may not be durable yet, for sync. One that is there
// already may be another request's, made a moment ago, so the first look at each counts too.
func (f *folders) prepare(dir string) (unsynced []string, err error) {
	if _, known := f.synced.Load(dir); known || dir == "." {
		return nil, nil
	}
	if unsynced, err = f.prepare(path.Dir(dir)); err != nil {
		return nil, err
	}
	if err := f.root.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	return append(unsynced, dir), nil
}

// forget has the next prepare look at a folder and those above it again: somebody has removed one.
func (f *folders) forget(dir string) {
	for ; dir != "."; dir = path.Dir(dir) {
		f.synced.Delete(dir)
	}
}

// sync makes the names of folders durable, and those in the folders changed. It asks for all at once: the file system
// answers them with one write of its journal, where one after the other would each wait for one.
func (f *folders) sync(unsynced []string, changed ...string) error {
	dirs := changed
	for _, dir := range unsynced {
		dirs = append(dirs, path.Dir(dir))
	}
	slices.Sort(dirs)
	var g errgroup.Group
	for _, dir := range slices.Compact(dirs) {
		g.Go(func() error { return f.syncDir(dir) })
	}
	if err := g.Wait(); err != nil {
		return err
	}
	for _, dir := range unsynced {
		f.synced.Store(dir, true)
	}
	return nil
}

// name calls link, which gives a file its name in a folder, and makes name and folder durable.
func (f *folders) name(dir string, link func() error) error {
	for again := false; ; again = true {
		unsynced, err := f.prepare(dir)
		if err != nil {
			return err
		}
		err = link()
		if errors.Is(err, fs.ErrNotExist) && !again { // perhaps a tidy soul has removed an empty folder
			f.forget(dir)
			continue
		} else if err != nil {
			return err
		}
		return f.sync(unsynced, dir)
	}
}

// syncDir makes the names in a folder durable.
func (f *folders) syncDir(dir string) error {
	d, err := f.root.Open(dir)
	if err != nil {
		return fmt.Errorf("sync folder: %w", err)
	}
	err = f.syncer.Sync(d)
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
