package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/blinkdrive/blinkdrive/store"
)

// life is how long records live in these tests. A driver that needs real time can still keep it apart from lateness.
const life = 3 * time.Second

// A Wait lets time pass for the driver under test: by moving its clock, or by sleeping.
type Wait func(time.Duration)

// Progress tests that a driver keeps the contract of store.Progress. open returns an empty one.
func Progress(t *testing.T, open func(*testing.T) (store.Progress, Wait)) {
	for name, test := range map[string]func(*testing.T, store.Progress, Wait){
		"PutThenHeld":             progressPutThenHeld,
		"PutAdds":                 progressPutAdds,
		"PutAfterDrop":            progressPutAfterDrop,
		"PutOfAnotherLayout":      progressPutOfAnotherLayout,
		"PutLosesNoMark":          progressPutLosesNoMark,
		"NoSuchChunk":             progressNoSuchChunk,
		"MarkCounts":              progressMarkCounts,
		"MarkWithoutRecord":       progressMarkWithoutRecord,
		"Unmark":                  progressUnmark,
		"Drop":                    progressDrop,
		"ConcurrentMarksAreKept":  progressConcurrentMarks,
		"ExpiresUnlessRenewed":    progressExpires,
		"PutRenews":               progressPutRenews,
		"UploadsAreApart":         progressApart,
		"ManyChunks":              progressManyChunks,
		"AllOfTenThousand":        progressAll,
		"NoChunksAndNoDigestYet":  progressNoChunks,
		"HeldIsTheCallersToWrite": progressHeldIsACopy,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, wait := open(t)
			test(t, p, wait)
		})
	}
}

func progressInfo(chunks int) store.ProgressInfo {
	return store.ProgressInfo{
		Upload: store.NewUploadID("n1"),
		User:   7,
		Digest: store.EmptyDigest,
		Layout: store.Layout{Size: int64(chunks)*1000 - 1, ChunkSize: 1000},
	}
}

func put(t *testing.T, p store.Progress, info store.ProgressInfo, held ...int) {
	t.Helper()
	if err := p.Put(t.Context(), info, held, life); err != nil {
		t.Fatalf("Put: %v", err)
	}
}

func wantHeld(t *testing.T, p store.Progress, info store.ProgressInfo, want ...int) {
	t.Helper()
	got, held, err := p.Held(t.Context(), info.Upload)
	if err != nil || got != info || !slices.Equal(held, want) {
		t.Errorf("Held = %+v, %v, %v; want %+v, %v", got, held, err, info, want)
	}
}

func wantNotFound(t *testing.T, what string, err error) {
	t.Helper()
	if !errors.Is(err, store.ErrNotFound) {
		t.Errorf("%s: %v, want ErrNotFound", what, err)
	}
}

func progressPutThenHeld(t *testing.T, p store.Progress, _ Wait) {
	info := progressInfo(5)
	put(t, p, info, 4, 1)
	wantHeld(t, p, info, 1, 4)
}

func progressPutAdds(t *testing.T, p store.Progress, _ Wait) {
	info := progressInfo(5)
	put(t, p, info, 1, 2)
	info.Digest = store.Digest{1}
	put(t, p, info, 2, 4)
	wantHeld(t, p, info, 1, 2, 4)
	info.Digest = store.Digest{}
	put(t, p, info)
	wantHeld(t, p, info, 1, 2, 4)
	if n, err := p.Mark(t.Context(), info.Upload, 3, life); n != 4 || err != nil {
		t.Errorf("Mark = %d, %v; want 4", n, err)
	}
}

func progressPutAfterDrop(t *testing.T, p store.Progress, _ Wait) {
	info := progressInfo(5)
	put(t, p, info, 1, 2)
	if err := p.Drop(t.Context(), info.Upload); err != nil {
		t.Fatal(err)
	}
	put(t, p, info, 3)
	wantHeld(t, p, info, 3)
}

func progressPutOfAnotherLayout(t *testing.T, p store.Progress, _ Wait) {
	info := progressInfo(5)
	put(t, p, info, 1, 5)
	info.Layout.ChunkSize *= 2
	put(t, p, info, 2)
	wantHeld(t, p, info, 2)
}

// progressPutLosesNoMark is two chunks that arrive at once after a flush: each finds no record and puts one with what
// was held when it looked. Whichever comes last, all that was acknowledged is there.
func progressPutLosesNoMark(t *testing.T, p store.Progress, _ Wait) {
	const chunks = 40
	info := progressInfo(chunks)
	ctx := context.WithoutCancel(t.Context())
	var wg sync.WaitGroup
	for i := 1; i <= chunks; i++ {
		wg.Go(func() {
			_, err := p.Mark(ctx, info.Upload, i, time.Minute)
			if errors.Is(err, store.ErrNotFound) {
				err = p.Put(ctx, info, []int{i}, time.Minute)
			}
			if err != nil {
				t.Errorf("chunk %d: %v", i, err)
			}
		})
	}
	wg.Wait()
	if _, held, err := p.Held(ctx, info.Upload); len(held) != chunks || err != nil {
		t.Errorf("%d chunks are held, %v; want %d", len(held), err, chunks)
	}
}

func progressNoSuchChunk(t *testing.T, p store.Progress, _ Wait) {
	info := progressInfo(2)
	wantInvalid := func(what string, err error) {
		t.Helper()
		if !errors.Is(err, store.ErrInvalid) {
			t.Errorf("%s: %v, want ErrInvalid", what, err)
		}
	}
	wantInvalid("Put of chunk 3 of 2", p.Put(t.Context(), info, []int{1, 3}, life))
	put(t, p, info, 1)
	for _, index := range []int{-1, 0, 3, 1 << 31} {
		_, err := p.Mark(t.Context(), info.Upload, index, life)
		wantInvalid(fmt.Sprintf("Mark of chunk %d of 2", index), err)
	}
	if err := p.Unmark(t.Context(), info.Upload, []int{-1, 0, 3}); err != nil {
		t.Errorf("Unmark: %v", err)
	}
	wantHeld(t, p, info, 1)
}

func progressMarkCounts(t *testing.T, p store.Progress, _ Wait) {
	info := progressInfo(3)
	put(t, p, info)
	for i, mark := range []struct{ index, want int }{{3, 1}, {1, 2}, {3, 2}, {2, 3}} {
		n, err := p.Mark(t.Context(), info.Upload, mark.index, life)
		if err != nil || n != mark.want {
			t.Errorf("mark %d, of chunk %d: %d, %v; want %d", i, mark.index, n, err, mark.want)
		}
	}
	wantHeld(t, p, info, 1, 2, 3)
}

func progressMarkWithoutRecord(t *testing.T, p store.Progress, _ Wait) {
	id := store.NewUploadID("n1")
	_, err := p.Mark(t.Context(), id, 1, life)
	wantNotFound(t, "Mark", err)
	_, _, err = p.Held(t.Context(), id)
	wantNotFound(t, "Held after Mark", err) // a failed Mark must not make a record: it would lack the other chunks
	wantNotFound(t, "Unmark", p.Unmark(t.Context(), id, []int{1}))
}

func progressUnmark(t *testing.T, p store.Progress, _ Wait) {
	info := progressInfo(4)
	put(t, p, info, 1, 2, 4)
	if err := p.Unmark(t.Context(), info.Upload, []int{2, 3, 4}); err != nil {
		t.Fatal(err)
	}
	wantHeld(t, p, info, 1)
	if n, err := p.Mark(t.Context(), info.Upload, 4, life); n != 2 || err != nil {
		t.Errorf("Mark after Unmark = %d, %v; want 2", n, err)
	}
}

func progressDrop(t *testing.T, p store.Progress, _ Wait) {
	info := progressInfo(2)
	put(t, p, info, 1)
	for range 2 {
		if err := p.Drop(t.Context(), info.Upload); err != nil {
			t.Fatal(err)
		}
	}
	_, err := p.Mark(t.Context(), info.Upload, 2, life)
	wantNotFound(t, "Mark after Drop", err)
}

func progressConcurrentMarks(t *testing.T, p store.Progress, _ Wait) {
	const chunks = 100
	info := progressInfo(chunks)
	put(t, p, info)
	var wg sync.WaitGroup
	counts := make([]int, 2*chunks)
	for i := range counts {
		wg.Go(func() {
			n, err := p.Mark(context.WithoutCancel(t.Context()), info.Upload, i%chunks+1, time.Minute)
			if counts[i] = n; err != nil {
				t.Errorf("mark of chunk %d: %v", i%chunks+1, err)
			}
		})
	}
	wg.Wait()
	if m := slices.Max(counts); m != chunks {
		t.Errorf("the highest count was %d, want %d", m, chunks)
	}
	if _, held, err := p.Held(t.Context(), info.Upload); len(held) != chunks || err != nil {
		t.Errorf("%d chunks are held, %v; want %d", len(held), err, chunks)
	}
}

func progressExpires(t *testing.T, p store.Progress, wait Wait) {
	renewed, left := progressInfo(2), progressInfo(2)
	put(t, p, renewed)
	put(t, p, left)
	wait(life / 2)
	if _, err := p.Mark(t.Context(), renewed.Upload, 1, life); err != nil {
		t.Fatal(err)
	}
	wait(life/2 + life/8)
	wantHeld(t, p, renewed, 1)
	_, _, err := p.Held(t.Context(), left.Upload)
	wantNotFound(t, "Held after expiry", err)
	_, err = p.Mark(t.Context(), left.Upload, 1, life)
	wantNotFound(t, "Mark after expiry", err)
}

func progressPutRenews(t *testing.T, p store.Progress, wait Wait) {
	info := progressInfo(2)
	put(t, p, info, 1)
	wait(life / 2)
	put(t, p, info, 2)
	wait(life/2 + life/8)
	wantHeld(t, p, info, 1, 2)
}

func progressApart(t *testing.T, p store.Progress, _ Wait) {
	one, two := progressInfo(3), progressInfo(3)
	put(t, p, one, 1)
	put(t, p, two, 2)
	if err := p.Drop(t.Context(), one.Upload); err != nil {
		t.Fatal(err)
	}
	wantHeld(t, p, two, 2)
}

func progressManyChunks(t *testing.T, p store.Progress, _ Wait) {
	info := progressInfo(10_000)
	held := []int{1, 63, 64, 65, 128, 129, 9_999, 10_000}
	put(t, p, info, held...)
	wantHeld(t, p, info, held...)
}

func progressAll(t *testing.T, p store.Progress, _ Wait) {
	info := progressInfo(10_000)
	all := make([]int, 10_000)
	for i := range all {
		all[i] = i + 1
	}
	if err := p.Put(t.Context(), info, all[1:], time.Minute); err != nil {
		t.Fatal(err)
	}
	if n, err := p.Mark(t.Context(), info.Upload, 1, time.Minute); n != len(all) || err != nil {
		t.Errorf("Mark = %d, %v; want %d", n, err, len(all))
	}
	if _, held, err := p.Held(t.Context(), info.Upload); !slices.Equal(held, all) || err != nil {
		t.Errorf("%d chunks are held, %v; want all", len(held), err)
	}
	if err := p.Unmark(t.Context(), info.Upload, all[:9_999]); err != nil {
		t.Fatal(err)
	}
	wantHeld(t, p, info, 10_000)
}

func progressNoChunks(t *testing.T, p store.Progress, _ Wait) {
	info := progressInfo(1)
	info.Digest, info.Layout.Size = store.Digest{}, 0
	put(t, p, info)
	wantHeld(t, p, info)
}

func progressHeldIsACopy(t *testing.T, p store.Progress, _ Wait) {
	info := progressInfo(3)
	mine := []int{1, 2}
	put(t, p, info, mine...)
	mine[0] = 3
	if _, held, err := p.Held(t.Context(), info.Upload); err == nil {
		held[0] = 3
	}
	wantHeld(t, p, info, 1, 2)
}
