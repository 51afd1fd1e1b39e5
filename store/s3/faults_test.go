package s3_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/blinkdrive/blinkdrive/store"
	"github.com/blinkdrive/blinkdrive/store/s3"
	"github.com/blinkdrive/blinkdrive/store/storetest"
)

// rig is a driver behind a proxy, and a blob to try it with.
type rig struct {
	*testing.T
	*proxy
	b      *s3.Blobs
	p      []byte
	sums   store.Sums
	name   store.BlobName
	upload string
}

func newRig(t *testing.T, size int, change ...func(*s3.Options)) *rig {
	t.Helper()
	p, o := behind(t, ceph(t, plainURL))
	for _, f := range change {
		f(&o)
	}
	data := storetest.Bytes(1, size)
	sums := storetest.SumsOf(data)
	return &rig{
		T: t, proxy: p, b: open(t, o), p: data, sums: sums, name: store.NewBlobName(sums.Digest, store.NewUploadID("n1")),
	}
}

func impatient(o *s3.Options) { o.Stall = 500 * time.Millisecond }

func (r *rig) put() error { return r.putWith(r.Context()) }

func (r *rig) putWith(ctx context.Context) error {
	return r.b.PutResumable(ctx, r.name, storetest.Source(r.p), r.sums, r.upload, func(upload string) error {
		r.upload = upload
		return nil
	})
}

func (r *rig) ok(err error) {
	r.Helper()
	if err != nil {
		r.Fatal(err)
	}
}

func (r *rig) read() error {
	f, err := r.b.Open(r.Context(), r.name)
	if err != nil {
		return err
	}
	defer f.Close()
	got, err := io.ReadAll(f)
	if err == nil && !bytes.Equal(got, r.p) {
		r.Error("other bytes were read")
	}
	return err
}

// operation is one call of the driver, which needs the requests of one kind.
type operation struct {
	op     string
	size   int
	before func(r *rig) error
	call   func(r *rig) error
}

func operations() []operation {
	put := (*rig).put
	nothing := func(*rig) error { return nil }
	begun := func(r *rig) error {
		r.all(opPart, answer(400, "InvalidDigest"))
		defer r.all(opPart, nil)
		if err := r.put(); err == nil {
			return errors.New("parts that are refused were put")
		}
		return nil
	}
	return []operation{
		{opHead, testPart + 1, nothing, put},
		{opPut, 1000, nothing, put},
		{opBegin, testPart + 1, nothing, put},
		{opPart, testPart + 1, nothing, put},
		{opParts, testPart + 1, begun, put},
		{opComplete, testPart + 1, nothing, put},
		{opGet, 1000, put, (*rig).read},
		{opDelete, 1000, put, func(r *rig) error { return r.b.Delete(r.Context(), r.name) }},
		{opList, 1000, put, func(r *rig) error {
			return r.b.List(r.Context(), func(store.BlobInfo) error { return nil })
		}},
		{opMultiparts, testPart + 1, begun, func(r *rig) error {
			return r.b.ListMultiparts(r.Context(), func(store.Multipart) error { return nil })
		}},
		{opAbort, testPart + 1, begun, func(r *rig) error { return r.b.AbortMultipart(r.Context(), r.name, r.upload) }},
	}
}

// One answer that is an error, or none at all, costs nothing.
func TestEachRequestIsTriedAgain(t *testing.T) {
	t.Parallel()
	for what, f := range map[string]fault{
		"500": answer(500, "InternalError"), "503": answer(503, "SlowDown"), "cut": cut(0), "answer lost": lose,
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			for _, o := range operations() {
				t.Run(o.op, func(t *testing.T) {
					t.Parallel()
					r := newRig(t, o.size)
					r.ok(o.before(r))
					r.next(o.op, f)
					r.ok(o.call(r))
				})
			}
		})
	}
}

func TestStoreThatFailsIsUnavailable(t *testing.T) {
	t.Parallel()
	for _, o := range operations() {
		t.Run(o.op, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, o.size)
			r.ok(o.before(r))
			r.all(o.op, answer(503, "ServiceUnavailable"))
			if err := o.call(r); !errors.Is(err, store.ErrUnavailable) {
				t.Errorf("%v, want ErrUnavailable", err)
			}
			r.all(o.op, nil)
			r.ok(o.call(r))
		})
	}
}

func TestDownAndBack(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1000, impatient)
	r.ok(r.put())
	for what, f := range map[string]fault{"cut": cut(0), "silent": stall(0)} {
		r.all("", f)
		var all sync.WaitGroup
		for call, do := range map[string]func() error{
			"put": r.put, "read": r.read, "check": func() error { return r.b.Check(t.Context()) },
			"delete": func() error { return r.b.Delete(t.Context(), r.name) },
		} {
			all.Go(func() {
				if err := do(); !errors.Is(err, store.ErrUnavailable) {
					t.Errorf("%s, %s: %v, want ErrUnavailable", what, call, err)
				}
			})
		}
		all.Wait()
		r.all("", nil)
		r.ok(r.read())
	}
}

func TestNobodyListens(t *testing.T) {
	t.Parallel()
	b := open(t, s3.Options{Profile: s3.Ceph, Endpoint: "http://127.0.0.1:1", Bucket: "bucket", AccessKey: "a", SecretKey: "s"})
	if err := b.Check(t.Context()); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("%v, want ErrUnavailable", err)
	}
}

func TestCallerWhoLeaves(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1000)
	r.all("", stall(0))
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := r.putWith(ctx); !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, store.ErrUnavailable) {
		t.Errorf("%v, want only that the time is up", err)
	}
}

func TestConnectionsThatBreakUpwards(t *testing.T) {
	t.Parallel()
	for what, f := range map[string]fault{"cut": cut(1 << 20), "stall": stall(1 << 20)} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, testLarge, impatient)
			r.next(opPart, nil, f, f)
			r.ok(r.put())
			if n := len(r.of(opPart)); n != 3+2 {
				t.Errorf("%d parts were sent, want 5", n)
			}
			r.ok(r.read())
		})
	}
}

func TestSlowIsNotStalled(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1<<20, func(o *s3.Options) { o.Stall = time.Second })
	r.all(opPut, slow(32<<10, 50*time.Millisecond))
	r.all(opGet, slow(32<<10, 50*time.Millisecond))
	r.ok(r.put())
	r.ok(r.read())
	if n := len(r.of(opPut)) + len(r.of(opGet)); n != 2 {
		t.Errorf("%d requests, want 2", n)
	}
}

func TestWrongETagIsLookedInto(t *testing.T) {
	t.Parallel()
	const wrong = `"0123456789abcdef0123456789abcdef"`
	for what, c := range map[string]struct {
		size int
		op   string
	}{
		"of a small blob": {1000, opPut},
		"of a large blob": {testLarge, opHead},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, c.size)
			r.all(c.op, withHeader("ETag", wrong))
			r.all(opHead, withHeader("ETag", wrong))
			r.all(opGet, withBytes)
			if err := r.put(); err == nil {
				t.Error("bytes that are wrong when they are read back were put")
			}
			r.all(opHead, nil)
			r.all(opGet, nil)
			if err := r.read(); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("afterwards: %v, want ErrNotFound", err)
			}
			r.all(opHead, withHeader("ETag", wrong))
			r.upload = ""
			r.ok(r.put()) // right bytes are right, whatever the ETag
		})
	}
}

// A part with a wrong ETag is refused by the store in the end; the next try sends no part again.
func TestWrongETagOfAPart(t *testing.T) {
	t.Parallel()
	r := newRig(t, testLarge)
	r.next(opPart, withHeader("ETag", `"0123456789abcdef0123456789abcdef"`))
	if err := r.put(); err != nil && !errors.Is(err, store.ErrUnavailable) {
		t.Fatalf("%v, want ErrUnavailable", err)
	}
	r.forget()
	r.ok(r.put())
	if n := len(r.of(opPart)); n != 0 {
		t.Errorf("%d parts were sent again", n)
	}
	r.ok(r.read())
}

func TestAnswerToCompleteIsLost(t *testing.T) {
	t.Parallel()
	r := newRig(t, testLarge)
	r.all(opComplete, lose)
	r.ok(r.put())
	r.ok(r.read())
}

func TestCompleteFails(t *testing.T) {
	t.Parallel()
	r := newRig(t, testLarge)
	r.all(opComplete, answer(500, "InternalError"))
	if err := r.put(); !errors.Is(err, store.ErrUnavailable) {
		t.Fatalf("%v, want ErrUnavailable", err)
	}
	r.forget()
	r.all(opComplete, nil)
	r.ok(r.put())
	if n := len(r.of(opPart)); n != 0 {
		t.Errorf("%d parts were sent again", n)
	}
	r.ok(r.read())
}
