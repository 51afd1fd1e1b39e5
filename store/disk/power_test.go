package disk

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/blinkdrive/blinkdrive/store"
	"github.com/blinkdrive/blinkdrive/store/storetest"
)

const powerChunk = 1 << 20

// A powerTrial is an upload on a disk whose machine can lose its power.
type powerTrial struct {
	t    *testing.T
	dir  string
	id   store.UploadID
	body []byte
}

func newPowerTrial(t *testing.T, chunks int) *powerTrial {
	return &powerTrial{t: t, dir: t.TempDir(), id: store.NewUploadID("n1"), body: storetest.Bytes(7, chunks*powerChunk)}
}

func (p *powerTrial) boot(id string) *Staging {
	return testStaging(p.t, testRoot(p.t, p.dir), StagingOptions{BootID: id})
}

func (p *powerTrial) create(s *Staging) {
	p.t.Helper()
	l := store.Layout{Size: int64(len(p.body)), ChunkSize: powerChunk}
	if err := s.Create(p.t.Context(), store.StagedUpload{ID: p.id, Layout: l}); err != nil {
		p.t.Fatal(err)
	}
}

func (p *powerTrial) open(s *Staging) *upload {
	p.t.Helper()
	u, err := s.Open(p.t.Context(), p.id)
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { u.Close() })
	return u.(*handle).upload
}

func (p *powerTrial) write(u *upload, indexes ...int) {
	p.t.Helper()
	for _, i := range indexes {
		c := p.body[(i-1)*powerChunk : i*powerChunk]
		if _, err := u.WriteChunk(p.t.Context(), i, bytes.NewReader(c), store.Digest{}); err != nil {
			p.t.Fatal(err)
		}
	}
}

// lose takes the bytes of a chunk away, as a power cut does with what was not synced.
func (p *powerTrial) lose(index int) {
	p.t.Helper()
	f, err := os.OpenFile(filepath.Join(p.dir, stagingDir, string(p.id), dataFile), os.O_WRONLY, 0)
	if err != nil {
		p.t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt(make([]byte, 4096), int64(index-1)*powerChunk+8192); err != nil {
		p.t.Fatal(err)
	}
}

func (p *powerTrial) finish(u *upload) {
	p.t.Helper()
	sums, err := u.Verify(p.t.Context())
	if err != nil || sums != storetest.SumsOf(p.body) {
		p.t.Fatalf("Verify: %v, %v", sums, err)
	}
}

func TestPowerCutDropsUnsyncedChunksThatLostBytes(t *testing.T) {
	t.Parallel()
	p := newPowerTrial(t, 6)
	s := p.boot("one")
	p.create(s)
	u := p.open(s)
	p.write(u, 1, 2)
	if err := u.sync(); err != nil {
		t.Fatal(err)
	}
	p.write(u, 3, 4, 5, 6)
	p.lose(4)

	u = p.open(p.boot("two"))
	if got := u.Missing(); !slices.Equal(got, []int{4}) {
		t.Fatalf("missing after the power cut: %v, want [4]", got)
	}
	if _, err := u.Verify(t.Context()); err == nil {
		t.Fatal("an upload with a hole was verified")
	}
	// The drop is remembered, and the rest now counts as synced.
	u = p.open(p.boot("three"))
	if got := u.Missing(); !slices.Equal(got, []int{4}) {
		t.Fatalf("missing after another boot: %v, want [4]", got)
	}
	p.write(u, 4)
	p.finish(u)
}

func TestPowerCutTrustsWhatWasSynced(t *testing.T) {
	t.Parallel()
	p := newPowerTrial(t, 3)
	s := p.boot("one")
	p.create(s)
	u := p.open(s)
	p.write(u, 1, 2)
	if err := u.sync(); err != nil {
		t.Fatal(err)
	}
	p.lose(2) // a synced chunk is not read again: only damage, not a power cut, changes it
	u = p.open(p.boot("two"))
	if got := u.Held(); !slices.Equal(got, []int{1, 2}) {
		t.Fatalf("held: %v", got)
	}
	p.write(u, 3)
	if bad, err := u.Bad(t.Context(), nil); err != nil || !slices.Equal(bad, []int{2}) {
		t.Fatalf("Bad: %v, %v; want [2]", bad, err)
	}
}

func TestPowerCutForgetsHashStatesThatWereNotSynced(t *testing.T) {
	t.Parallel()
	p := newPowerTrial(t, 4)
	s := p.boot("one")
	p.create(s)
	u := p.open(s)
	p.write(u, 1, 2, 3, 4)
	p.finish(u)
	u.follower.mu.Lock()
	err := u.saveCheckpoint()
	u.follower.mu.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	p.lose(2)
	u = p.open(p.boot("two"))
	if u.follower.offset != 0 {
		t.Errorf("the follower goes on from %d, with lost bytes in its state", u.follower.offset)
	}
	p.write(u, 2)
	p.finish(u)
}

func TestBackgroundSyncComesByItself(t *testing.T) {
	t.Parallel()
	p := newPowerTrial(t, 2)
	s := p.boot("one")
	p.create(s)
	u := p.open(s)
	p.write(u, 1)
	u.mu.Lock()
	armed, held := u.syncTimer != nil, u.journal.end
	u.mu.Unlock()
	if !armed {
		t.Fatal("no sync is on its way")
	}
	u.backgroundSync() // the timer's own call
	j := readJournal(t, p.dir, p.id, u)
	if j.syncedTo != held {
		t.Errorf("synced up to %d of the journal, want %d", j.syncedTo, held)
	}
}

func readJournal(t *testing.T, dir string, id store.UploadID, u *upload) *replayed {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, stagingDir, string(id), journalFile))
	if err != nil {
		t.Fatal(err)
	}
	j, err := replay(bytes.NewReader(b), u.extent)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func TestTornJournalTailIsCutOff(t *testing.T) {
	t.Parallel()
	p := newPowerTrial(t, 3)
	s := p.boot("one")
	p.create(s)
	u := p.open(s)
	p.write(u, 1, 2)
	file := filepath.Join(p.dir, stagingDir, string(p.id), journalFile)
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	last := recordHead + holdSize
	for cut := 1; cut <= last; cut++ {
		if err := os.WriteFile(file, whole[:len(whole)-cut], 0o600); err != nil {
			t.Fatal(err)
		}
		u := p.open(p.boot("one"))
		if got := u.Held(); !slices.Equal(got, []int{1}) {
			t.Fatalf("cut off %d bytes: held %v, want [1]", cut, got)
		}
	}
	u = p.open(p.boot("one"))
	p.write(u, 2, 3)
	u = p.open(p.boot("one"))
	p.finish(u)
}

func TestRestartGoesOnFromTheHashState(t *testing.T) {
	t.Parallel()
	p := newPowerTrial(t, 80)
	s := p.boot("one")
	p.create(s)
	u := p.open(s)
	for i := range 80 {
		p.write(u, i+1)
	}
	p.finish(u)
	u = p.open(p.boot("one"))
	if u.follower.offset < checkpointEvery {
		t.Errorf("the follower begins at %d, want at least %d", u.follower.offset, checkpointEvery)
	}
	p.finish(u)
	// A dropped chunk before the state takes it back.
	if err := u.Drop(context.Background(), []int{3}); err != nil {
		t.Fatal(err)
	}
	if u.follower.offset > 2*powerChunk {
		t.Errorf("after dropping chunk 3 the follower is at %d", u.follower.offset)
	}
	p.write(u, 3)
	p.finish(u)
}

func TestIdleUploadsAreClosedAndComeBack(t *testing.T) {
	t.Parallel()
	p := newPowerTrial(t, 3)
	s := p.boot("one")
	p.create(s)
	u, err := s.Open(t.Context(), p.id)
	if err != nil {
		t.Fatal(err)
	}
	p.write(u.(*handle).upload, 1, 2)
	u.Close()
	deadline := time.Now().Add(10 * time.Second)
	for idle := 0; idle == 0 && time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		s.mu.Lock() // the follower may still be at it
		idle = len(s.idle)
		s.mu.Unlock()
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s.mu.Lock()
	open := len(s.open)
	s.mu.Unlock()
	if open != 0 {
		t.Errorf("%d uploads are still open", open)
	}
	again := p.open(s)
	if got := again.Held(); !slices.Equal(got, []int{1, 2}) {
		t.Fatalf("held: %v", got)
	}
	if again.follower.offset != 2*powerChunk {
		t.Errorf("the follower begins at %d, want %d: closing keeps its state", again.follower.offset, 2*powerChunk)
	}
	p.write(again, 3)
	p.finish(again)
}

// FuzzReplay replays raw bytes, and, since hardly any of those have a right checksum, also the records that they spell:
// a kind, a length, a payload.
func FuzzReplay(f *testing.F) {
	u := &upload{layout: store.Layout{Size: 10 << 20, ChunkSize: powerChunk}}
	f.Add([]byte{})
	f.Add([]byte("\x02\x0c\x01\x00\x00\x00\x00\x00\x10\x00crc!\x03\x04\x01\x00\x00\x00\x04\x0a\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x05\x08offset!!"))
	f.Fuzz(func(t *testing.T, b []byte) {
		replayAll(t, u, b)
		var spelt []byte
		for len(b) >= 2 {
			n := min(int(b[1]), len(b)-2)
			spelt = append(spelt, record(recordKind(b[0]), b[2:2+n])...)
			b = b[2+n:]
		}
		replayAll(t, u, spelt)
	})
}

func replayAll(t *testing.T, u *upload, b []byte) {
	j, err := replay(bytes.NewReader(b), u.extent)
	if err != nil || j.end > int64(len(b)) {
		t.Fatalf("end %d of %d: %v", j.end, len(b), err)
	}
	for index, c := range j.held {
		if _, n, ok := u.extent(index); !ok || n != c.Length {
			t.Fatalf("held chunk %d of %d bytes", index, c.Length)
		}
	}
	for _, c := range j.checkpoints {
		newFollower(nil).restore(c) // whatever it says, it must not panic
	}
}
