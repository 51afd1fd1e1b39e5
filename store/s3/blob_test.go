package s3_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/blinkdrive/blinkdrive/store"
)

func (r *rig) open() store.Blob {
	r.Helper()
	r.ok(r.put())
	f, err := r.b.Open(r.Context(), r.name)
	r.ok(err)
	r.Cleanup(func() { f.Close() })
	r.forget()
	return f
}

// ranges are those of the GETs so far.
func (r *rig) ranges() []string {
	var all []string
	for _, s := range r.of(opGet) {
		all = append(all, s.bytes)
	}
	return all
}

func (r *rig) asked(want ...string) {
	r.Helper()
	if diff := cmp.Diff(want, r.ranges()); diff != "" {
		r.Errorf("ranges that were asked for: %s", diff)
	}
	r.forget()
}

// A reader that goes on is sent more and more at a time, one that jumps is not sent what it does not want.
func TestReadsInARowAskForMore(t *testing.T) {
	t.Parallel()
	r := newRig(t, 3<<20)
	f := r.open()
	_, err := io.Copy(io.Discard, f)
	r.ok(err)
	r.asked("bytes=0-1048575", "bytes=1048576-3145727")
	for _, at := range []int64{1000, 0, 2 << 20, 5} {
		_, err := f.Seek(at, io.SeekStart)
		r.ok(err)
	}
	r.asked()
	for range 3 {
		_, err = io.CopyN(io.Discard, f, 100)
		r.ok(err)
	}
	r.asked("bytes=5-1048580")
	_, err = f.ReadAt(make([]byte, 10), 100)
	r.ok(err)
	r.asked("bytes=100-109")
	_, err = io.CopyN(io.Discard, f, 100)
	r.ok(err)
	r.asked()
}

// What somebody has said that he will read is asked for with one GET; whatever else he does then goes as without that.
func TestExpectedReadsAreOneGET(t *testing.T) {
	t.Parallel()
	r := newRig(t, 3<<20)
	f := r.open().(store.RemoteBlob)
	read := func(at, n int64) {
		t.Helper()
		_, err := f.Seek(at, io.SeekStart)
		r.ok(err)
		got, err := io.ReadAll(io.LimitReader(f, n))
		if want := r.p[at:min(at+n, 3<<20)]; err != nil || !bytes.Equal(got, want) {
			t.Errorf("%d bytes of %d from %d: %v", len(got), len(want), at, err)
		}
	}
	f.Expect(3 << 20)
	read(0, 3<<20)
	r.asked("")
	for _, more := range []int64{2 << 20, 1 << 62} { // up to the end, or said to be
		_, err := f.Seek(1<<20, io.SeekStart)
		r.ok(err)
		f.Expect(more)
		read(1<<20, 2<<20)
		r.asked("bytes=1048576-3145727")
	}
	_, err := f.Seek(100, io.SeekStart)
	r.ok(err)
	f.Expect(1000)
	read(100, 3000) // more than was said
	read(2<<20, 10) // elsewhere
	read(600, 10)   // what was said is not forgotten
	r.asked("bytes=100-1099", "bytes=1100-1049675", "bytes=2097152-3145727", "bytes=600-1099")
	for _, none := range []int64{0, -1} {
		_, err := f.Seek(1, io.SeekStart)
		r.ok(err)
		f.Expect(none)
		read(1, 10)
		r.asked("bytes=1-1048576")
	}
	_, err = f.Seek(9<<20, io.SeekStart)
	r.ok(err)
	f.Expect(10)
	read(3<<20, 10)
	r.asked()
}

// TestExpectedReadsThroughFaults checks that a reader notices nothing of what the store does wrong on the way.
func TestExpectedReadsThroughFaults(t *testing.T) {
	t.Parallel()
	const size = 5<<20 + 3
	for what, tt := range map[string]struct {
		at, n  int64
		faults []fault
		want   []string
	}{
		"whole":   {n: size, want: []string{""}},
		"range":   {at: 77, n: 2 << 20, want: []string{"bytes=77-2097228"}},
		"refused": {n: size, faults: []fault{answer(503, "SlowDown"), lose}, want: []string{"", "", ""}},
		"cut":     {n: size, faults: []fault{cutAnswer(2_000_000)}, want: []string{"", "bytes=2000000-5242882"}},
		"cut and cut": {n: size, faults: []fault{cutAnswer(2_000_000), cutAnswer(0), cutAnswer(1)}, want: []string{
			"", "bytes=2000000-5242882", "bytes=2000000-5242882", "bytes=2000001-5242882"}},
		"less than asked for": {at: 77, n: 3 << 20, faults: []fault{shortRange(1 << 20), shortRange(1 << 20)}, want: []string{
			"bytes=77-3145804", "bytes=1048653-3145804", "bytes=2097229-3145804"}},
		"stalled": {n: size, faults: []fault{stallAnswer(1_000_000)}, want: []string{"", "bytes=1000000-5242882"}},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, size, impatient)
			f := r.open().(store.RemoteBlob)
			r.next(opGet, tt.faults...)
			_, err := f.Seek(tt.at, io.SeekStart)
			r.ok(err)
			f.Expect(tt.n)
			got, err := io.ReadAll(io.LimitReader(f, tt.n))
			if err != nil || !bytes.Equal(got, r.p[tt.at:tt.at+tt.n]) {
				t.Errorf("read %d of %d bytes: %v", len(got), tt.n, err)
			}
			r.asked(tt.want...)
			rest, err := io.ReadAll(f)
			if err != nil || !bytes.Equal(rest, r.p[tt.at+tt.n:]) {
				t.Errorf("%d bytes were left: %v", len(rest), err)
			}
		})
	}
}

// TestExpectedReadThatFails checks that a read which cannot go on returns the bytes that came, and never io.EOF.
func TestExpectedReadThatFails(t *testing.T) {
	t.Parallel()
	const size, came = 3 << 20, 500_000
	for what, tt := range map[string]struct {
		then fault
		want error
	}{
		"gone":        {cut(0), store.ErrUnavailable},
		"cut":         {cutAnswer(0), store.ErrUnavailable},
		"hanging":     {stall(0), store.ErrUnavailable},
		"refused":     {answer(403, "AccessDenied"), nil},
		"deleted":     {answer(404, "NoSuchKey"), store.ErrNotFound},
		"other bytes": {withHeader("X-Amz-Meta-Sha256", "0000"), store.ErrUnavailable},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, size, impatient)
			f := r.open().(store.RemoteBlob)
			r.all(opGet, tt.then)
			r.next(opGet, cutAnswer(came))
			f.Expect(size)
			got, err := io.ReadAll(f)
			if err == nil || tt.want != nil && !errors.Is(err, tt.want) || !bytes.Equal(got, r.p[:came]) {
				t.Errorf("read %d bytes, %v, want %d and %v", len(got), err, came, tt.want)
			}
		})
	}
}

// TestReadEndsWithItsContext checks that the context of Open bounds a read that is waiting for the store.
func TestReadEndsWithItsContext(t *testing.T) {
	t.Parallel()
	const size, came = 3 << 20, 100_000
	r := newRig(t, size)
	r.ok(r.put())
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	f, err := r.b.Open(ctx, r.name)
	r.ok(err)
	defer f.Close()
	f.(store.RemoteBlob).Expect(size)
	r.next(opGet, stallAnswer(came))
	got := make([]byte, came)
	_, err = io.ReadFull(f, got)
	r.ok(err)
	cancel()
	n, err := io.Copy(io.Discard, f)
	if n != 0 || !errors.Is(err, context.Canceled) || !bytes.Equal(got, r.p[:came]) {
		t.Errorf("read %d bytes after the context had ended: %v", n, err)
	}
}

// Bodies that are read to their end leave their connection to the next one.
func TestExpectedReadsShareAConnection(t *testing.T) {
	t.Parallel()
	r := newRig(t, 3<<20)
	f := r.open().(store.RemoteBlob)
	for range 5 {
		_, err := f.Seek(0, io.SeekStart)
		r.ok(err)
		f.Expect(2 << 20)
		_, err = io.CopyN(io.Discard, f, 2<<20)
		r.ok(err)
	}
	conns := map[string]bool{}
	for _, s := range r.of(opGet) {
		conns[s.from] = true
	}
	if len(conns) != 1 {
		t.Errorf("%d connections for five bodies in a row", len(conns))
	}
}

func TestBodyThatBreaksIsAskedForAgain(t *testing.T) {
	t.Parallel()
	for what, broken := range map[string]fault{"cut": cutAnswer(300_000), "stall": stallAnswer(300_000)} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, 1_000_000, impatient)
			f := r.open()
			r.next(opGet, broken, broken, broken)
			n, err := io.Copy(io.Discard, f)
			if err != nil || n != 1_000_000 {
				t.Errorf("read %d: %v", n, err)
			}
			r.asked("", "bytes=300000-999999", "bytes=600000-999999", "bytes=900000-999999")
			r.next(opGet, broken)
			n2, err := f.ReadAt(make([]byte, 500_000), 100_000)
			if err != nil || n2 != 500_000 {
				t.Errorf("read %d: %v", n2, err)
			}
			r.asked("bytes=100000-599999", "bytes=400000-599999")
		})
	}
}

func TestBodyThatAlwaysBreaks(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1_000_000)
	f := r.open()
	r.all(opGet, cutAnswer(0))
	if _, err := f.Read(make([]byte, 10)); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("Read: %v, want ErrUnavailable", err)
	}
	if _, err := f.ReadAt(make([]byte, 10), 10); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("ReadAt: %v, want ErrUnavailable", err)
	}
	r.all(opGet, nil)
	if n, err := io.Copy(io.Discard, f); err != nil || n != 1_000_000 {
		t.Errorf("read %d: %v", n, err)
	}
}

func TestBlobThatWasDeleted(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1<<20)
	f := r.open()
	r.ok(r.b.Delete(t.Context(), r.name))
	if _, err := f.Read(make([]byte, 10)); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("Read: %v, want ErrNotFound", err)
	}
	if _, err := f.ReadAt(make([]byte, 10), 10); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("ReadAt: %v, want ErrNotFound", err)
	}
}

// A store, or a cache before it, that answers with something else is not believed.
func TestOtherAnswerThanAskedFor(t *testing.T) {
	t.Parallel()
	for key, value := range map[string]string{
		"Content-Range":     "bytes 0-999/1000000",
		"X-Amz-Meta-Sha256": "0000",
	} {
		r := newRig(t, 1_000_000)
		f := r.open()
		r.all(opGet, withHeader(key, value))
		if _, err := f.ReadAt(make([]byte, 1000), 1000); !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("%s: %v, want ErrUnavailable", key, err)
		}
	}
}

func TestClosedBlob(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1000)
	f := r.open()
	r.ok(f.Close())
	if _, err := f.Read(make([]byte, 10)); err == nil {
		t.Error("read a closed blob")
	}
	if _, err := f.ReadAt(make([]byte, 10), 0); err == nil {
		t.Error("read a closed blob")
	}
	r.asked()
}
