package disk

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/blinkdrive/blinkdrive/store/storetest"
)

// fullJournal makes every further record of an upload's journal fail, as a full disk does; syncing it still works.
func (p *powerTrial) fullJournal(u *upload) (mend func()) {
	p.t.Helper()
	f, err := os.Open(filepath.Join(p.dir, stagingDir, string(p.id), journalFile))
	if err != nil {
		p.t.Fatal(err)
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	whole := u.journal.file
	u.journal.file = f
	return func() {
		u.mu.Lock()
		defer u.mu.Unlock()
		u.journal.file = whole
		f.Close()
	}
}

// That the journal takes no more is no reason to give up what is held: only a sync that failed is.
func TestFullDiskKeepsChunks(t *testing.T) {
	t.Parallel()
	p := newPowerTrial(t, 2)
	s := p.boot("one")
	p.create(s)
	u := p.open(s)
	p.write(u, 1, 2)
	mend := p.fullJournal(u)
	u.backgroundSync()
	u.mu.Lock()
	waits := u.syncTimer != nil
	u.mu.Unlock()
	if u.gone.Load() || !waits {
		t.Errorf("after a journal that was full: given up %v, to be synced again %v", u.gone.Load(), waits)
	}
	mend()
	u.backgroundSync()
	if held := u.Held(); !slices.Equal(held, []int{1, 2}) {
		t.Errorf("held: %v", held)
	}
	p.finish(u)
}

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
