package storetest

import (
	"bytes"
	"errors"
	"sync"
	"testing"

	"github.com/blinkdrive/blinkdrive/store"
)

// ResumableBlobs is the conformance suite of store.ResumableBlobs. open returns an empty store; large is a size that it
// takes in at least three parts.
func ResumableBlobs(t *testing.T, large int, open func(t *testing.T) store.ResumableBlobs) {
	for name, test := range map[string]func(*resuming){
		"a small blob in one piece":         (*resuming).small,
		"a large blob":                      (*resuming).whole,
		"begun fails":                       (*resuming).begunFails,
		"begun and never recorded":          (*resuming).neverRecorded,
		"a source that fails":               (*resuming).interrupted,
		"a source with other bytes":         (*resuming).otherBytes,
		"an upload that nobody knows":       (*resuming).unknown,
		"one that was completed":            (*resuming).completed,
		"abort":                             (*resuming).abort,
		"two workers with one upload":       (*resuming).twoWorkers,
		"a failed Put leaves no upload":     (*resuming).failedPut,
		"many uploads are listed":           (*resuming).list,
		"a new upload ends those before it": (*resuming).several,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := Bytes(20, large)
			test(&resuming{T: t, b: open(t), p: p, name: blobName(p)})
		})
	}
}

// resuming is one test with one large blob.
type resuming struct {
	*testing.T
	b      store.ResumableBlobs
	p      []byte
	name   store.BlobName
	upload string // what begun was told last
	begun  int
}

func (r *resuming) put(src store.Blob, upload string) error {
	r.Helper()
	return r.b.PutResumable(r.Context(), r.name, src, SumsOf(r.p), upload, func(upload string) error {
		if upload == "" {
			r.Error("begun was told of no upload")
		}
		r.upload = upload
		r.begun++
		return nil
	})
}

func (r *resuming) ok(err error) {
	r.Helper()
	if err != nil {
		r.Fatal(err)
	}
}

// is checks that the blob is there and right, that begun was called so often, and that no upload is left.
func (r *resuming) is(begun int) {
	r.Helper()
	if got := readAll(r.T, r.b, r.name); !bytes.Equal(got, r.p) {
		r.Error("the bytes came back changed")
	}
	if r.begun != begun {
		r.Errorf("begun was called %d times, want %d", r.begun, begun)
	}
	r.uploads()
}

func (r *resuming) isAbsent() {
	r.Helper()
	if _, err := r.b.Open(r.Context(), r.name); !errors.Is(err, store.ErrNotFound) {
		r.Errorf("open: %v, want ErrNotFound", err)
	}
}

// uploads checks which multipart uploads are listed.
func (r *resuming) uploads(want ...string) {
	r.Helper()
	got := map[string]bool{}
	r.ok(r.b.ListMultiparts(r.Context(), func(m store.Multipart) error {
		got[m.Upload] = true
		if m.Name != r.name || m.Begun.IsZero() {
			r.Errorf("listed %+v, want blob %s", m, r.name)
		}
		return nil
	}))
	for _, u := range want {
		if !got[u] {
			r.Errorf("upload %s is not listed", u)
		}
	}
	if len(got) != len(want) {
		r.Errorf("%d uploads are listed, want %d", len(got), len(want))
	}
}

func (r *resuming) failing() store.Blob {
	return &source{bytes.NewReader(r.p), int64(len(r.p)) - 1}
}

func (r *resuming) small() {
	r.p = r.p[:1000]
	r.name = blobName(r.p)
	r.ok(r.put(Source(r.p), ""))
	r.is(0)
	r.ok(r.put(Source(r.p), "no such upload")) // there already, whatever it was put with
	r.is(0)
}

func (r *resuming) whole() {
	r.ok(r.put(Source(r.p), ""))
	r.is(1)
	r.ok(r.put(Source(r.p), ""))
	r.is(1)
}

func (r *resuming) begunFails() {
	stop := errors.New("stop")
	var upload string
	err := r.b.PutResumable(r.Context(), r.name, Source(r.p), SumsOf(r.p), "", func(u string) error {
		upload = u
		return stop
	})
	if !errors.Is(err, stop) {
		r.Errorf("%v, want begun's error", err)
	}
	r.isAbsent()
	r.ok(r.b.AbortMultipart(r.Context(), r.name, upload))
	r.uploads()
}

// neverRecorded has a process die between an upload's beginning and the record of it.
func (r *resuming) neverRecorded() {
	died := errors.New("died")
	err := r.b.PutResumable(r.Context(), r.name, Source(r.p), SumsOf(r.p), "", func(string) error { return died })
	if !errors.Is(err, died) {
		r.Errorf("%v, want begun's error", err)
	}
	r.ok(r.put(Source(r.p), ""))
	r.is(1)
}

func (r *resuming) interrupted() {
	for range 2 {
		if err := r.put(r.failing(), r.upload); !errors.Is(err, errSource) {
			r.Fatalf("%v, want the source's error", err)
		}
		r.isAbsent()
		r.uploads(r.upload)
	}
	r.ok(r.put(Source(r.p), r.upload))
	r.is(1)
}

func (r *resuming) otherBytes() {
	other := bytes.Clone(r.p)
	other[len(other)/2] ^= 1
	if err := r.put(Source(other), ""); !errors.Is(err, store.ErrDigestMismatch) {
		r.Errorf("%v, want ErrDigestMismatch", err)
	}
	r.isAbsent()
	if err := r.put(Source(r.p[1:]), r.upload); !errors.Is(err, store.ErrLength) {
		r.Errorf("%v, want ErrLength", err)
	}
	r.isAbsent()
	r.ok(r.put(Source(r.p), r.upload)) // the part that differs is sent again
	r.is(1)
}

func (r *resuming) unknown() {
	r.ok(r.put(Source(r.p), "2~nosuchuploadnosuchuploadnosuch00"))
	r.is(1)
}

func (r *resuming) completed() {
	r.ok(r.put(Source(r.p), ""))
	r.ok(r.put(r.failing(), r.upload)) // nothing has to be read
	r.is(1)
}

func (r *resuming) abort() {
	if err := r.put(r.failing(), ""); !errors.Is(err, errSource) {
		r.Fatalf("%v, want the source's error", err)
	}
	for range 2 {
		r.ok(r.b.AbortMultipart(r.Context(), r.name, r.upload))
		r.uploads()
	}
	r.ok(r.put(Source(r.p), r.upload))
	r.is(2)
	r.ok(r.b.AbortMultipart(r.Context(), r.name, r.upload)) // a completed one is left alone
	r.is(2)
}

func (r *resuming) twoWorkers() {
	if err := r.put(r.failing(), ""); !errors.Is(err, errSource) {
		r.Fatalf("%v, want the source's error", err)
	}
	var all sync.WaitGroup
	for range 2 {
		all.Go(func() {
			begun := func(string) error { return nil }
			if err := r.b.PutResumable(r.Context(), r.name, Source(r.p), SumsOf(r.p), r.upload, begun); err != nil {
				r.Error(err)
			}
		})
	}
	all.Wait()
	r.is(1)
}

func (r *resuming) failedPut() {
	if err := r.b.Put(r.Context(), r.name, r.failing(), SumsOf(r.p)); !errors.Is(err, errSource) {
		r.Errorf("%v, want the source's error", err)
	}
	r.isAbsent()
	r.uploads()
}

func (r *resuming) several() {
	for range 3 {
		if err := r.put(r.failing(), ""); !errors.Is(err, errSource) {
			r.Fatalf("%v, want the source's error", err)
		}
		r.uploads(r.upload)
	}
	r.ok(r.b.AbortMultipart(r.Context(), r.name, r.upload))
	r.uploads()
}

func (r *resuming) list() {
	stop, begun := errors.New("stop"), map[string]store.BlobName{}
	for i := range 7 {
		sums := SumsOf(Bytes(uint64(30+i), 10))
		sums.Size = int64(len(r.p))
		name := store.NewBlobName(sums.Digest, store.NewUploadID("n1"))
		err := r.b.PutResumable(r.Context(), name, Source(r.p), sums, "", func(u string) error {
			begun[u] = name
			return stop
		})
		if !errors.Is(err, stop) {
			r.Fatal(err)
		}
	}
	if err := r.b.ListMultiparts(r.Context(), func(store.Multipart) error { return stop }); !errors.Is(err, stop) {
		r.Errorf("%v, want fn's error", err)
	}
	seen := 0
	r.ok(r.b.ListMultiparts(r.Context(), func(m store.Multipart) error {
		if begun[m.Upload] != m.Name {
			r.Errorf("listed %+v", m)
		}
		seen++
		return nil
	}))
	if seen != len(begun) {
		r.Errorf("%d uploads are listed, want %d", seen, len(begun))
	}
	for u, name := range begun {
		r.ok(r.b.AbortMultipart(r.Context(), name, u))
	}
	r.uploads()
}
