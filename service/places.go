package service

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/blinkdrive/blinkdrive/store"
)

// Places are the blob stores that this process reaches: the disk of its own node, if it has one, the object stores by
// kind, and the disks of other nodes by way of these.
type Places struct {
	Node    store.NodeID // empty in a process without a staging disk; Local is nil then
	Local   store.Blobs
	Objects map[store.Kind]store.Blobs

	// Remote opens a blob on the disk of another node; nil: none is reached. store.ErrNotFound: the node itself says
	// that it has no such blob. store.ErrUnavailable: it is down, or nobody knows where it is.
	Remote  func(ctx context.Context, node store.NodeID, name store.BlobName) (store.Blob, error)
	Metrics *Metrics // counts what is read of other nodes' disks; may be nil
}

// Of returns the store that keeps a location. store.ErrUnavailable: it is on another node, or in a store or bucket that
// is not set up here; the content is then out of reach, not gone.
func (p Places) Of(l store.Location) (store.Blobs, error) {
	b := p.Objects[l.Kind]
	if l.Kind == store.Local {
		b = p.Local
	}
	if b == nil || l.IsZero() || b.Locate(l.Name()) != l {
		return nil, fmt.Errorf("blob %s: %w: not reachable from node %q", l, store.ErrUnavailable, p.Node)
	}
	return b, nil
}

// Target returns the object store of a kind. store.ErrUnavailable: none is set up.
func (p Places) Target(k store.Kind) (store.Blobs, error) {
	b := p.Objects[k]
	if b == nil {
		return nil, fmt.Errorf("object store %s: %w: not configured", k, store.ErrUnavailable)
	}
	return b, nil
}

// away reports whether a blob is on another node's disk.
func (p Places) away(l store.Location) bool {
	return l.Kind == store.Local && (p.Local == nil || l.In != string(p.Node))
}

// reach reports whether a blob may be read from here. The node that has it may be down for now.
func (p Places) reach(l store.Location) bool { return !p.away(l) || p.Remote != nil }

// Open opens the blob at a location, also on another node. store.ErrNotFound, store.ErrUnavailable.
func (p Places) Open(ctx context.Context, l store.Location) (store.Blob, error) {
	if p.away(l) && p.Remote != nil {
		return p.openRemote(ctx, l)
	}
	b, err := p.Of(l)
	if err != nil {
		return nil, err
	}
	blob, err := b.Open(ctx, l.Name())
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", l, err)
	}
	return blob, nil
}

func (p Places) openRemote(ctx context.Context, l store.Location) (store.Blob, error) {
	blob, err := p.Remote(ctx, store.NodeID(l.In), l.Name())
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", l, err)
	}
	r := &remoteBlob{Blob: blob}
	if p.Metrics != nil {
		r.read = p.Metrics.RemoteBytes
	}
	return r, nil
}

// all returns the stores, the local one first.
func (p Places) all() []store.Blobs {
	var bs []store.Blobs
	if p.Local != nil {
		bs = append(bs, p.Local)
	}
	for _, b := range p.Objects {
		bs = append(bs, b)
	}
	return bs
}

// A remoteBlob is a blob on another node's disk. It counts what comes, and notes when nothing comes any more: whoever
// reads it through others gets an error that may not tell whose it was.
type remoteBlob struct {
	store.Blob
	read   prometheus.Counter // may be nil
	failed atomic.Bool
}

func (b *remoteBlob) Read(p []byte) (int, error) {
	n, err := b.Blob.Read(p)
	b.note(n, err)
	return n, err
}

func (b *remoteBlob) ReadAt(p []byte, off int64) (int, error) {
	n, err := b.Blob.ReadAt(p, off)
	b.note(n, err)
	return n, err
}

func (b *remoteBlob) note(n int, err error) {
	if b.read != nil {
		b.read.Add(float64(n))
	}
	if err != nil && !errors.Is(err, io.EOF) {
		b.failed.Store(true)
	}
}

// outOfReach reports whether reading a blob failed because its node did.
func outOfReach(b store.Blob) bool {
	r, ok := b.(*remoteBlob)
	return ok && r.failed.Load()
}
