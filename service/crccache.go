package service

import (
	"sync"

	"github.com/blinkdrive/blinkdrive/store"
)

// crcsKept is how many CRC-32s half a crcCache keeps: with both halves full it takes about 8 MB.
const crcsKept = 32 << 10

// A crcCache keeps the CRC-32s of the blobs that were read for archives last. The zero value is ready.
type crcCache struct {
	mu         sync.Mutex
	young, old map[store.BlobName]crcPrefix // when young is full it becomes old, and what was old is forgotten
}

func blobOf(m member) store.BlobName { return m.entry.Content.Location.Name() }

// get returns what is known of a blob, which may be nothing.
func (c *crcCache) get(name store.BlobName) crcPrefix {
	c.mu.Lock()
	defer c.mu.Unlock()
	p, ok := c.young[name]
	if !ok {
		if p, ok = c.old[name]; ok {
			c.keep(name, p)
		}
	}
	return p
}

// put keeps the CRC-32 of a blob, unless that of more of its bytes is known.
func (c *crcCache) put(name store.BlobName, p crcPrefix) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if p.n > 0 && p.n >= max(c.young[name].n, c.old[name].n) {
		c.keep(name, p)
	}
}

func (c *crcCache) keep(name store.BlobName, p crcPrefix) {
	if c.young == nil || len(c.young) >= crcsKept {
		c.young, c.old = map[store.BlobName]crcPrefix{}, c.young
	}
	c.young[name] = p
}
