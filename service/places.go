package service

import (
	"context"
	"fmt"

	"github.com/blinkdrive/blinkdrive/store"
)

// Places are the blob stores that this process reaches: the disk of its own node, and the object stores by kind.
type Places struct {
	Node    store.NodeID
	Local   store.Blobs
	Objects map[store.Kind]store.Blobs
}

// Of returns the store that keeps a location. store.ErrUnavailable: it is on another node, or in a store or bucket that
// is not set up here; the content is then out of reach, not gone.
func (p Places) Of(l store.Location) (store.Blobs, error) {
	b := p.Objects[l.Kind]
	if l.Kind == store.Local {
		b = p.Local
	}
	if b == nil || l.IsZero() || b.Locate(l.Name()) != l {
		return nil, fmt.Errorf("place %s: %w: not reached from node %s", l, store.ErrUnavailable, p.Node)
	}
	return b, nil
}

// Target returns the object store of a kind. store.ErrUnavailable: none is set up.
func (p Places) Target(k store.Kind) (store.Blobs, error) {
	b := p.Objects[k]
	if b == nil {
		return nil, fmt.Errorf("place %s: %w: no such object store is set up", k, store.ErrUnavailable)
	}
	return b, nil
}

// Open opens the blob at a location. store.ErrNotFound, store.ErrUnavailable.
func (p Places) Open(ctx context.Context, l store.Location) (store.Blob, error) {
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
