package storetest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/blinkdrive/blinkdrive/store"
)

// A StagingDriver is what the suite needs: staging, the local blobs that it publishes to, and a way to start again on
// the same disk, as after a killed process.
type StagingDriver struct {
	Staging store.Staging
	Blobs   store.Blobs
	Restart func() store.Staging
}

const testChunk = 300 << 10

// Staging is the conformance suite of store.Staging. open returns an empty one.
func Staging(t *testing.T, open func(t *testing.T) StagingDriver) {
	for name, test := range map[string]func(*testing.T, StagingDriver){
		"any order, in parallel":    stagingParallel,
		"wrong chunks are not held": stagingWrongChunks,
		"held chunks are immutable": stagingImmutable,
		"two writers of one chunk":  stagingTwoWriters,
		"silent writer":             stagingSilentWriter,
		"slow writer":               stagingSlowWriter,
		"silent repeat":             stagingSilentRepeat,
		"a restart loses nothing":   stagingRestart,
		"drop and send again":       stagingDrop,
		"bad chunks are found":      stagingBad,
		"create":                    stagingCreate,
		"remove":                    stagingRemove,
		"stream":                    stagingStream,
		"no bytes":                  stagingEmpty,
		"publish again":             stagingPublish,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open(t))
		})
	}
}

// A trial is one upload under test.
type trial struct {
	t    *testing.T
	id   store.UploadID
	body []byte
	l    store.Layout
	u    store.Staged
}

func begin(t *testing.T, s store.Staging, size int) *trial {
	t.Helper()
	tr := &trial{t: t, id: store.NewUploadID("n1"), body: Bytes(uint64(size), size)}
	tr.l = store.Layout{Size: int64(size), ChunkSize: testChunk}
	if err := s.Create(t.Context(), store.StagedUpload{ID: tr.id, Layout: tr.l}); err != nil {
		t.Fatal(err)
	}
	tr.open(s)
	return tr
}

func (tr *trial) open(s store.Staging) {
	tr.t.Helper()
	u, err := s.Open(tr.t.Context(), tr.id)
	if err != nil {
		tr.t.Fatal(err)
	}
	tr.u = u
	tr.t.Cleanup(func() { u.Close() })
}

func (tr *trial) chunk(index int) []byte {
	off, n := tr.l.Extent(index)
	return tr.body[off : off+n]
}

func (tr *trial) write(index int) {
	tr.t.Helper()
	fresh, err := tr.u.WriteChunk(tr.t.Context(), index, bytes.NewReader(tr.chunk(index)), store.Digest{})
	if err != nil || !fresh {
		tr.t.Fatalf("chunk %d: fresh %v, %v", index, fresh, err)
	}
}

func (tr *trial) verify() {
	tr.t.Helper()
	got, err := tr.u.Verify(tr.t.Context())
	if err != nil || got != SumsOf(tr.body) {
		tr.t.Fatalf("Verify: %v, %v; want %v", got, err, SumsOf(tr.body))
	}
}

func stagingParallel(t *testing.T, d StagingDriver) {
	tr := begin(t, d.Staging, 20*testChunk+17)
	order := rand.Perm(tr.l.Count())
	var wg sync.WaitGroup
	for part := range slices.Chunk(order, 6) {
		wg.Go(func() {
			for _, i := range part {
				want := SumsOf(tr.chunk(i + 1)).Digest
				if _, err := tr.u.WriteChunk(t.Context(), i+1, bytes.NewReader(tr.chunk(i+1)), want); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if n := len(tr.u.Held()); n != tr.l.Count() || len(tr.u.Missing()) != 0 {
		t.Fatalf("%d of %d chunks held", n, tr.l.Count())
	}
	tr.verify()
	tr.verify() // as often as one likes
	publishAndRead(t, d, tr)
}

func publishAndRead(t *testing.T, d StagingDriver, tr *trial) {
	t.Helper()
	name := store.NewBlobName(SumsOf(tr.body).Digest, tr.id)
	if err := d.Staging.Publish(t.Context(), tr.id, name); err != nil {
		t.Fatal(err)
	}
	if err := d.Staging.Remove(t.Context(), tr.id); err != nil {
		t.Fatal(err)
	}
	if got := readAll(t, d.Blobs, name); !bytes.Equal(got, tr.body) {
		t.Fatal("the blob is not what was uploaded")
	}
}

func stagingWrongChunks(t *testing.T, d StagingDriver) {
	tr := begin(t, d.Staging, 2*testChunk+5)
	good := tr.chunk(1)
	for what, c := range map[string]struct {
		index int
		body  io.Reader
		want  store.Digest
		err   error
	}{
		"index 0":            {0, bytes.NewReader(good), store.Digest{}, store.ErrInvalid},
		"index -1":           {-1, bytes.NewReader(good), store.Digest{}, store.ErrInvalid},
		"index N+1":          {4, bytes.NewReader(good), store.Digest{}, store.ErrInvalid},
		"index 2^31":         {1 << 31, bytes.NewReader(good), store.Digest{}, store.ErrInvalid},
		"a byte short":       {1, bytes.NewReader(good[1:]), store.Digest{}, store.ErrLength},
		"a byte long":        {1, bytes.NewReader(tr.body[:testChunk+1]), store.Digest{}, store.ErrLength},
		"empty":              {1, bytes.NewReader(nil), store.Digest{}, store.ErrLength},
		"wrong digest":       {1, bytes.NewReader(good), store.EmptyDigest, store.ErrDigestMismatch},
		"cut off":            {1, io.MultiReader(bytes.NewReader(good[:1000]), failing{}), store.Digest{}, io.ErrUnexpectedEOF},
		"cut off, last byte": {1, io.MultiReader(bytes.NewReader(good[:testChunk-1]), failing{}), store.Digest{}, io.ErrUnexpectedEOF},
	} {
		fresh, err := tr.u.WriteChunk(t.Context(), c.index, c.body, c.want)
		if fresh || !errors.Is(err, c.err) {
			t.Errorf("%s: fresh %v, %v; want %v", what, fresh, err, c.err)
		}
	}
	if held := tr.u.Held(); len(held) != 0 {
		t.Errorf("chunks %v are held", held)
	}
	if got := tr.u.Missing(); !slices.Equal(got, []int{1, 2, 3}) {
		t.Errorf("missing: %v", got)
	}
	var ce *store.ChunkError
	if _, err := tr.u.Verify(t.Context()); !errors.As(err, &ce) || !errors.Is(err, store.ErrMissing) || len(ce.Chunks) != 3 {
		t.Errorf("Verify: %v", err)
	}
	for i := range 3 {
		tr.write(i + 1)
	}
	tr.verify()
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func stagingImmutable(t *testing.T, d StagingDriver) {
	tr := begin(t, d.Staging, 2*testChunk)
	tr.write(1)
	fresh, err := tr.u.WriteChunk(t.Context(), 1, bytes.NewReader(tr.chunk(1)), store.Digest{})
	if fresh || err != nil {
		t.Errorf("the same again: fresh %v, %v", fresh, err)
	}
	if _, err := tr.u.WriteChunk(t.Context(), 1, bytes.NewReader(tr.chunk(2)), store.Digest{}); !errors.Is(err, store.ErrConflict) {
		t.Errorf("other bytes: %v, want ErrConflict", err)
	}
	if _, err := tr.u.WriteChunk(t.Context(), 1, bytes.NewReader(tr.chunk(1)[1:]), store.Digest{}); !errors.Is(err, store.ErrLength) {
		t.Errorf("a byte short: %v, want ErrLength", err)
	}
	tr.write(2)
	tr.verify()
}

func stagingTwoWriters(t *testing.T, d StagingDriver) {
	tr := begin(t, d.Staging, testChunk)
	r, w := io.Pipe()
	first := make(chan error, 1)
	go func() {
		_, err := tr.u.WriteChunk(t.Context(), 1, r, store.Digest{})
		first <- err
	}()
	if _, err := w.Write(tr.chunk(1)[:1000]); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := tr.u.WriteChunk(ctx, 1, bytes.NewReader(tr.chunk(1)), store.Digest{}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("while another writes: %v, want to wait", err)
	}
	second := make(chan error, 1)
	go func() {
		_, err := tr.u.WriteChunk(t.Context(), 1, bytes.NewReader(tr.chunk(1)), store.Digest{})
		second <- err
	}()
	w.CloseWithError(io.ErrUnexpectedEOF)
	if err := <-first; !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("the cut-off writer: %v", err)
	}
	if err := <-second; err != nil {
		t.Errorf("the one that waited: %v", err)
	}
	tr.verify()
}

// A stuckBody is a body whose client has stopped sending. It can be interrupted.
type stuckBody struct {
	*io.PipeReader
}

func (b stuckBody) Interrupt() { b.CloseWithError(errors.New("interrupted")) }

// writeSilently starts to write a chunk from a body of which only the beginning arrives. The chunk's writer waits for the
// rest when it returns.
func (tr *trial) writeSilently(index int, begin []byte, interruptible bool) (rest *io.PipeWriter, done <-chan error) {
	tr.t.Helper()
	r, w := io.Pipe()
	var body io.Reader = struct{ io.Reader }{r}
	if interruptible {
		body = stuckBody{r}
	}
	errs := make(chan error, 1)
	go func() {
		_, err := tr.u.WriteChunk(tr.t.Context(), index, body, store.Digest{})
		errs <- err
	}()
	if _, err := w.Write(begin); err != nil {
		tr.t.Fatal(err)
	}
	return w, errs
}

// stagingSilentWriter has a newer request take over from a writer whose client is gone, which then wakes up.
func stagingSilentWriter(t *testing.T, d StagingDriver) {
	tr := begin(t, d.Staging, 3*testChunk)
	ended, interrupted := tr.writeSilently(1, tr.chunk(1)[:testChunk/2], true)
	rest, woken := tr.writeSilently(2, tr.chunk(2)[:testChunk/2], false)
	start := time.Now()
	var wg sync.WaitGroup
	wg.Go(func() { tr.write(1) })
	wg.Go(func() { tr.write(2) })
	wg.Wait()
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("the newer requests waited for %v", took)
	}
	if err := <-interrupted; !errors.Is(err, store.ErrBusy) {
		t.Errorf("the silent writer: %v, want ErrBusy", err)
	}
	if _, err := ended.Write([]byte("x")); err == nil {
		t.Error("the silent writer still reads")
	}
	go func() {
		_, _ = rest.Write(make([]byte, testChunk)) // other bytes, to be seen if they are written
		rest.Close()
	}()
	if err := <-woken; !errors.Is(err, store.ErrBusy) {
		t.Errorf("the writer that woke up: %v, want ErrBusy", err)
	}
	tr.write(3)
	tr.verify()
	tr.open(d.Restart())
	if bad, err := tr.u.Bad(t.Context(), nil); err != nil || len(bad) != 0 {
		t.Errorf("after a restart: bad %v, %v", bad, err)
	}
	tr.verify()
}

// stagingSlowWriter has a newer request wait for a writer whose bytes still arrive.
func stagingSlowWriter(t *testing.T, d StagingDriver) {
	tr := begin(t, d.Staging, testChunk)
	rest, first := tr.writeSilently(1, tr.chunk(1)[:8<<10], true)
	go func() {
		for at := 8 << 10; at < testChunk; at += 16 << 10 {
			_, _ = rest.Write(tr.chunk(1)[at:min(testChunk, at+16<<10)])
			time.Sleep(100 * time.Millisecond)
		}
		rest.Close()
	}()
	fresh, err := tr.u.WriteChunk(t.Context(), 1, bytes.NewReader(tr.chunk(1)), store.Digest{})
	if fresh || err != nil {
		t.Errorf("the newer request: fresh %v, %v", fresh, err)
	}
	if err := <-first; err != nil {
		t.Errorf("the slow writer was displaced: %v", err)
	}
	tr.verify()
}

// stagingSilentRepeat has a newer request take over from one that repeats a held chunk and has gone silent.
func stagingSilentRepeat(t *testing.T, d StagingDriver) {
	tr := begin(t, d.Staging, testChunk)
	tr.write(1)
	_, silent := tr.writeSilently(1, tr.chunk(1)[:testChunk/2], true)
	fresh, err := tr.u.WriteChunk(t.Context(), 1, bytes.NewReader(tr.chunk(1)), store.Digest{})
	if fresh || err != nil {
		t.Errorf("the newer request: fresh %v, %v", fresh, err)
	}
	if err := <-silent; !errors.Is(err, store.ErrBusy) {
		t.Errorf("the silent repeat: %v, want ErrBusy", err)
	}
	tr.verify()
}

func stagingRestart(t *testing.T, d StagingDriver) {
	tr := begin(t, d.Staging, 10*testChunk+1)
	for _, i := range []int{1, 2, 3, 7, 11} {
		tr.write(i)
	}
	s := d.Restart()
	tr.open(s)
	if got := tr.u.Held(); !slices.Equal(got, []int{1, 2, 3, 7, 11}) {
		t.Fatalf("after a restart %v are held", got)
	}
	if tr.u.Layout() != tr.l {
		t.Fatalf("layout %v, want %v", tr.u.Layout(), tr.l)
	}
	for _, i := range tr.u.Missing() {
		tr.write(i)
	}
	tr.open(d.Restart())
	tr.verify()
}

func stagingDrop(t *testing.T, d StagingDriver) {
	tr := begin(t, d.Staging, 6*testChunk)
	good := tr.body
	tr.body = slices.Clone(good)
	tr.body[3*testChunk] ^= 1 // chunk 4 arrives wrong and nobody noticed
	for i := range 6 {
		tr.write(i + 1)
	}
	tr.verify()
	if err := tr.u.Drop(t.Context(), []int{4}); err != nil {
		t.Fatal(err)
	}
	if err := tr.u.Drop(t.Context(), []int{7}); !errors.Is(err, store.ErrInvalid) {
		t.Errorf("drop of a chunk that is not there: %v", err)
	}
	tr.open(d.Restart())
	if got := tr.u.Missing(); !slices.Equal(got, []int{4}) {
		t.Fatalf("missing: %v, want [4]", got)
	}
	tr.body = good
	tr.write(4)
	tr.verify()
}

func stagingBad(t *testing.T, d StagingDriver) {
	tr := begin(t, d.Staging, 4*testChunk)
	for i := range 4 {
		tr.write(i + 1)
	}
	if bad, err := tr.u.Bad(t.Context(), nil); err != nil || len(bad) != 0 {
		t.Errorf("Bad: %v, %v", bad, err)
	}
	want := make([]store.Digest, 4)
	for i := range want {
		want[i] = SumsOf(tr.chunk(i + 1)).Digest
	}
	want[2] = store.EmptyDigest
	if bad, err := tr.u.Bad(t.Context(), want); err != nil || !slices.Equal(bad, []int{3}) {
		t.Errorf("Bad with a wrong digest for 3: %v, %v", bad, err)
	}
}

func stagingCreate(t *testing.T, d StagingDriver) {
	tr := begin(t, d.Staging, testChunk)
	err := d.Staging.Create(t.Context(), store.StagedUpload{ID: tr.id, Layout: tr.l})
	if !errors.Is(err, store.ErrExists) {
		t.Errorf("create again: %v, want ErrExists", err)
	}
	huge := store.StagedUpload{ID: store.NewUploadID("n1"), Layout: store.Layout{Size: 1 << 60, ChunkSize: 1 << 50}}
	if err := d.Staging.Create(t.Context(), huge); !errors.Is(err, store.ErrNoSpace) {
		t.Errorf("create of an exabyte: %v, want ErrNoSpace", err)
	}
	if _, err := d.Staging.Open(t.Context(), huge.ID); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("after a failed create: %v, want ErrNotFound", err)
	}
	seen := 0
	err = d.Staging.List(t.Context(), func(id store.UploadID, at time.Time) error {
		if id != tr.id || time.Since(at) > time.Hour {
			t.Errorf("listed %s of %v", id, at)
		}
		seen++
		return nil
	})
	if err != nil || seen != 1 {
		t.Errorf("listed %d: %v", seen, err)
	}
}

func stagingRemove(t *testing.T, d StagingDriver) {
	tr := begin(t, d.Staging, 2*testChunk)
	tr.write(1)
	for range 2 {
		if err := d.Staging.Remove(t.Context(), tr.id); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := tr.u.WriteChunk(t.Context(), 2, bytes.NewReader(tr.chunk(2)), store.Digest{}); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("a chunk of a removed upload: %v, want ErrNotFound", err)
	}
	if _, err := d.Staging.Open(t.Context(), tr.id); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("open: %v, want ErrNotFound", err)
	}
	if err := d.Staging.Publish(t.Context(), tr.id, blobName(tr.body)); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("publish: %v, want ErrNotFound", err)
	}
	if err := d.Staging.Create(t.Context(), store.StagedUpload{ID: tr.id, Layout: tr.l}); err != nil {
		t.Fatalf("create again: %v", err)
	}
	tr.open(d.Staging)
	if held := tr.u.Held(); len(held) != 0 {
		t.Errorf("%v are held of nothing", held)
	}
}

func stagingStream(t *testing.T, d StagingDriver) {
	tr := &trial{t: t, id: store.NewUploadID("n1"), body: Bytes(9, 1<<20+3)}
	sums, err := d.Staging.Stream(t.Context(), tr.id, bytes.NewReader(tr.body), 1<<20+3)
	if err != nil || sums != SumsOf(tr.body) {
		t.Fatalf("Stream: %v, %v", sums, err)
	}
	publishAndRead(t, d, tr)
	for what, c := range map[string]struct {
		r   io.Reader
		err error
	}{
		"longer than the limit": {bytes.NewReader(tr.body), store.ErrLength},
		"cut off":               {io.MultiReader(bytes.NewReader(tr.body[:1000]), failing{}), io.ErrUnexpectedEOF},
	} {
		id := store.NewUploadID("n1")
		if _, err := d.Staging.Stream(t.Context(), id, c.r, 1<<20+2); !errors.Is(err, c.err) {
			t.Errorf("%s: %v, want %v", what, err, c.err)
		}
	}
	err = d.Staging.List(t.Context(), func(id store.UploadID, _ time.Time) error {
		t.Errorf("%s was left behind", id)
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func stagingEmpty(t *testing.T, d StagingDriver) {
	tr := begin(t, d.Staging, 0)
	tr.verify()
	publishAndRead(t, d, tr)
}

func stagingPublish(t *testing.T, d StagingDriver) {
	tr := begin(t, d.Staging, testChunk)
	tr.write(1)
	tr.verify()
	name := blobName(tr.body)
	for range 2 {
		if err := d.Staging.Publish(t.Context(), tr.id, name); err != nil {
			t.Fatal(err)
		}
	}
	other := begin(t, d.Staging, testChunk-1)
	if err := d.Staging.Publish(t.Context(), other.id, name); !errors.Is(err, store.ErrExists) {
		t.Errorf("another upload under the same name: %v, want ErrExists", err)
	}
}
