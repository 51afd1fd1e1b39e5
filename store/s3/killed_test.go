package s3_test

import (
	"context"
	"errors"
	"net/http"
	"testing"

	"github.com/blinkdrive/blinkdrive/store"
	"github.com/blinkdrive/blinkdrive/store/s3"
	"github.com/blinkdrive/blinkdrive/store/storetest"
)

// kill ends the work of the driver when so many parts have been acknowledged, and returns when it has ended.
func (r *rig) kill(after int) (acknowledged map[string]bool) {
	r.Helper()
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	r.all(opPart, func(p *proxy, w http.ResponseWriter, req *http.Request) {
		forward(p, w, req)
		if len(partsOf(p)) >= after {
			cancel()
		}
	})
	if err := r.putWith(ctx); !errors.Is(err, context.Canceled) {
		r.Fatalf("%v, want that it was cancelled", err)
	}
	r.all(opPart, nil)
	acknowledged = partsOf(r.proxy)
	r.forget()
	return acknowledged
}

// partsOf are the parts that were answered with success.
func partsOf(p *proxy) map[string]bool {
	parts := map[string]bool{}
	for _, s := range p.of(opPart) {
		if s.ok {
			parts[s.part] = true
		}
	}
	return parts
}

func TestKilledBetweenParts(t *testing.T) {
	t.Parallel()
	for _, concurrency := range []int{1, 4} {
		r := newRig(t, 7*testPart+1, func(o *s3.Options) { o.Concurrency = concurrency })
		upload := ""
		for _, after := range []int{2, 2} {
			for part := range r.kill(after) {
				defer func() {
					for _, again := range r.of(opPart) {
						if again.part == part {
							t.Errorf("part %s was sent again", part)
						}
					}
				}()
			}
			if upload == "" {
				upload = r.upload
			} else if upload != r.upload {
				t.Error("another upload was begun")
			}
			if err := r.read(); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("half a blob: %v, want ErrNotFound", err)
			}
		}
		r.ok(r.put())
		r.ok(r.read())
		if upload != r.upload {
			t.Error("another upload was begun")
		}
	}
}

func TestKilledInBegun(t *testing.T) {
	t.Parallel()
	r := newRig(t, testLarge)
	ctx, cancel := context.WithCancel(t.Context())
	err := r.b.PutResumable(ctx, r.name, storetest.Source(r.p), r.sums, "", func(upload string) error {
		r.upload = upload
		cancel()
		return nil
	})
	if !errors.Is(err, context.Canceled) || len(partsOf(r.proxy)) > 0 {
		t.Errorf("%v with %d parts", err, len(partsOf(r.proxy)))
	}
	r.ok(r.put())
	r.ok(r.read())
	if n := len(r.of(opBegin)); n != 1 {
		t.Errorf("%d uploads were begun, want 1", n)
	}
}

// A process that died after Complete leaves nothing to do.
func TestKilledAfterComplete(t *testing.T) {
	t.Parallel()
	r := newRig(t, testLarge)
	ctx, cancel := context.WithCancel(t.Context())
	r.all(opComplete, func(p *proxy, w http.ResponseWriter, req *http.Request) {
		resp := p.ask(w, req)
		resp.Body.Close()
		cancel()
		panic(http.ErrAbortHandler)
	})
	if err := r.putWith(ctx); !errors.Is(err, context.Canceled) {
		t.Fatalf("%v, want that it was cancelled", err)
	}
	r.forget()
	r.ok(r.put())
	r.ok(r.read())
	if n := len(r.of(opPart)) + len(r.of(opBegin)) + len(r.of(opComplete)); n != 0 {
		t.Errorf("%d requests too many", n)
	}
}
