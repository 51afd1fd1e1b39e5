package disk

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"time"

	"github.com/blinkdrive/blinkdrive/store"
	"github.com/blinkdrive/blinkdrive/store/sums"
)

// staleAfter is the age at which a half-written copy that a dead process left is removed.
const staleAfter = 24 * time.Hour

// Blobs is a directory of blobs: the staging disk's own, or the embedded object store. It implements store.Blobs.
type Blobs struct {
	root *os.Root
	dir  string
	kind store.Kind
	node store.NodeID

	folders folders
}

// NewBlobs opens, and makes where needed, the directory dir below root. kind is store.Local for a node's own blobs, and
// node is then that node; else kind is store.Disk.
func NewBlobs(root *os.Root, dir string, kind store.Kind, node store.NodeID) (*Blobs, error) {
	b := &Blobs{root: root, dir: dir, kind: kind, node: node, folders: folders{root: root}}
	if err := b.folders.make(b.tmp()); err != nil {
		return nil, fmt.Errorf("blobs: %w", err)
	}
	return b, b.removeStale(time.Now().Add(-staleAfter))
}

// Kind says what sort of place it is.
func (b *Blobs) Kind() store.Kind { return b.kind }

// Locate gives the location that a blob with this name has here.
func (b *Blobs) Locate(name store.BlobName) store.Location {
	if b.kind == store.Local {
		return store.LocalLocation(b.node, name)
	}
	return store.Location{Kind: b.kind, Key: name.Key()}
}

// Put stores the bytes of src. A blob of another Blobs on the same file system costs a hard link: no byte is moved, so
// none is read again either. Anything else is copied, verified against sums and synced before it gets its name.
func (b *Blobs) Put(ctx context.Context, name store.BlobName, src store.Blob, sums store.Sums) error {
	if src.Size() != sums.Size {
		return fmt.Errorf("blob %s: %w: %d bytes, want %d", name, store.ErrLength, src.Size(), sums.Size)
	}
	if done, err := b.has(name, sums.Size); done || err != nil {
		return err
	}
	err := b.folders.name(path.Dir(b.path(name)), func() error {
		if b.link(name, src) == nil {
			return nil
		}
		return b.copy(ctx, name, src, sums)
	})
	if err != nil {
		return fmt.Errorf("blob %s: %w", name, noSpace(err))
	}
	return nil
}

// has reports whether the blob is there and whole. A file gets its name only when it is whole, so another size means
// that somebody else damaged it: it goes, to be written again.
func (b *Blobs) has(name store.BlobName, size int64) (bool, error) {
	fi, err := b.root.Stat(b.path(name))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("blob %s: %w", name, err)
	case fi.Size() == size:
		return true, b.folders.syncDir(path.Dir(b.path(name))) // whoever made it may have died before this
	}
	return false, b.Delete(context.Background(), name)
}

func (b *Blobs) link(name store.BlobName, src store.Blob) error {
	f, ok := src.(*blob)
	if !ok {
		return errors.ErrUnsupported
	}
	err := linkOpenFile(f.File, b.root, b.path(name))
	if errors.Is(err, fs.ErrExist) {
		return nil // another worker was faster; has compared the size of any that is older
	}
	return err
}

func (b *Blobs) copy(ctx context.Context, name store.BlobName, src store.Blob, sums store.Sums) error {
	tmp := path.Join(b.tmp(), string(name)+"-"+string(store.NewEntryID()))
	f, err := b.root.OpenFile(tmp, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	err = copyVerified(ctx, f, io.NewSectionReader(src, 0, sums.Size), sums)
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = b.root.Rename(tmp, b.path(name))
	}
	if err != nil {
		return errors.Join(err, b.root.Remove(tmp))
	}
	return nil
}

// copyVerified copies r to w and compares what went by with what it should be.
func copyVerified(ctx context.Context, w io.Writer, r io.Reader, want store.Sums) error {
	hash := sums.New()
	n, err := copyBlocks(ctx, r, func(p []byte) error {
		hash.Write(p)
		_, err := w.Write(p)
		return err
	})
	switch {
	case err != nil:
		return err
	case n != want.Size:
		return fmt.Errorf("%w: got %d bytes, want %d", store.ErrLength, n, want.Size)
	case hash.Sums() != want:
		return fmt.Errorf("source: %w", store.ErrDigestMismatch)
	}
	return nil
}

// Open opens a blob for reading.
func (b *Blobs) Open(_ context.Context, name store.BlobName) (store.Blob, error) {
	f, err := b.root.Open(b.path(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("blob %s: %w", name, store.ErrNotFound)
	} else if err != nil {
		return nil, fmt.Errorf("blob %s: %w", name, err)
	}
	fi, err := f.Stat()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("blob %s: %w", name, err), f.Close())
	}
	return &blob{File: f, size: fi.Size()}, nil
}

// Delete removes a blob, durably. Whoever has it open reads on.
func (b *Blobs) Delete(_ context.Context, name store.BlobName) error {
	err := b.root.Remove(b.path(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return fmt.Errorf("blob %s: %w", name, err)
	}
	return b.folders.syncDir(path.Dir(b.path(name)))
}

// List calls fn with each blob.
func (b *Blobs) List(ctx context.Context, fn func(store.BlobInfo) error) error {
	return fs.WalkDir(b.root.FS(), b.dir, func(p string, e fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // gone meanwhile
		} else if err != nil {
			return err
		}
		name, perr := store.ParseBlobName(e.Name())
		if perr != nil || e.IsDir() || p != b.path(name) {
			return ctx.Err()
		}
		fi, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		} else if err != nil {
			return err
		}
		return fn(store.BlobInfo{Name: name, Size: fi.Size(), Modified: fi.ModTime()})
	})
}

func (b *Blobs) path(name store.BlobName) string { return path.Join(b.dir, name.Key()) }

func (b *Blobs) tmp() string { return path.Join(b.dir, "tmp") }

func (b *Blobs) removeStale(before time.Time) error {
	entries, err := fs.ReadDir(b.root.FS(), b.tmp())
	if err != nil {
		return fmt.Errorf("blobs: %w", err)
	}
	for _, e := range entries {
		fi, err := e.Info()
		if err != nil || fi.ModTime().After(before) {
			continue
		}
		if err := b.root.Remove(path.Join(b.tmp(), e.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("blobs: %w", err)
		}
	}
	return nil
}

// A blob is an open file. The file is embedded, so that the kernel can copy it to a socket (sendfile).
type blob struct {
	*os.File
	size int64
}

// Size returns the bytes in the blob.
func (b *blob) Size() int64 { return b.size }
