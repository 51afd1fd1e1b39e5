package disk

import (
	"slices"
	"testing"

	"github.com/blinkdrive/blinkdrive/store/storetest"
)

// A chunk is dropped while the follower stands between looking how far it may hash and hashing.
func TestFollowerAgainstDrop(t *testing.T) {
	t.Parallel()
	p := newPowerTrial(t, 1)
	s := p.boot("one")
	p.create(s)
	u := p.open(s)
	right := p.body
	for i := range 300 {
		p.body = storetest.Bytes(uint64(i), powerChunk) // not what it should be
		p.write(u, 1)
		stop := make(chan struct{})
		followed := make(chan struct{})
		go func() {
			defer close(followed)
			for {
				select {
				case <-stop:
					return
				default:
					if _, err := u.followBlock(); err != nil {
						t.Error(err)
					}
				}
			}
		}()
		if err := u.Drop(t.Context(), []int{1}); err != nil {
			t.Fatal(err)
		}
		close(stop)
		<-followed
		u.follower.mu.Lock()
		offset := u.follower.offset
		u.follower.mu.Unlock()
		if offset != 0 {
			t.Fatalf("%d bytes of a dropped chunk are hashed", offset)
		}
	}
	p.body = right
	p.write(u, 1)
	p.finish(u)
}

// Where a drop is cut short, what was dropped is not in the hash any more.
func TestDropCutShort(t *testing.T) {
	t.Parallel()
	p := newPowerTrial(t, 2)
	s := p.boot("one")
	p.create(s)
	u := p.open(s)
	p.write(u, 1, 2)
	p.finish(u)
	if err := u.Drop(t.Context(), []int{1, 3}); err == nil {
		t.Fatal("there is no chunk 3")
	}
	right := p.body
	p.body = slices.Concat(storetest.Bytes(99, powerChunk), right[powerChunk:])
	p.write(u, 1)
	p.finish(u)
}
