package disk

import (
	"bytes"
	"errors"
	"os"
	"slices"
	"testing"

	"github.com/blinkdrive/blinkdrive/store"
)

// A full disk costs the chunk that does not fit and no other: the upload goes on when there is space again.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	for what, place := range map[string]func(*upload) **os.File{
		"no space for the bytes":   func(u *upload) **os.File { return &u.data },
		"no space for the journal": func(u *upload) **os.File { return &u.journal.file },
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			full, err := os.OpenFile("/dev/full", os.O_RDWR, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer full.Close()
			p := newPowerTrial(t, 3)
			s := p.boot("one")
			p.create(s)
			u := p.open(s)
			p.write(u, 1)

			u.mu.Lock()
			file := place(u)
			good := *file
			*file = full
			u.mu.Unlock()
			_, err = u.WriteChunk(t.Context(), 2, bytes.NewReader(p.body[powerChunk:2*powerChunk]), store.Digest{})
			if !errors.Is(err, store.ErrNoSpace) {
				t.Errorf("chunk on a full disk: %v, want ErrNoSpace", err)
			}
			u.mu.Lock()
			*file = good
			u.mu.Unlock()

			if got := u.Held(); !slices.Equal(got, []int{1}) {
				t.Fatalf("held: %v, want [1]", got)
			}
			p.write(u, 2)
			u = p.open(p.boot("one"))
			p.write(u, 3)
			p.finish(u)
		})
	}
}

func TestFloorOfFreeSpace(t *testing.T) {
	t.Parallel()
	p := newPowerTrial(t, 1)
	s := testStaging(t, testRoot(t, p.dir), StagingOptions{MinFree: 1 << 60})
	err := s.Create(t.Context(), store.StagedUpload{ID: p.id, Layout: store.Layout{Size: 1, ChunkSize: 1}})
	if !errors.Is(err, store.ErrNoSpace) {
		t.Errorf("create below the floor: %v, want ErrNoSpace", err)
	}
	if _, err := s.Stream(t.Context(), p.id, bytes.NewReader([]byte("a")), 10); !errors.Is(err, store.ErrNoSpace) {
		t.Errorf("stream below the floor: %v, want ErrNoSpace", err)
	}
	if entries, err := os.ReadDir(p.dir + "/" + stagingDir); err != nil || len(entries) != 0 {
		t.Errorf("%d left behind: %v", len(entries), err)
	}
}
