package client

import (
	"context"
	"errors"
	"net/http"
	"syscall"
	"testing"
	"time"

	"github.com/blinkdrive/blinkdrive/handler/api"
)

func TestTransient(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		err  error
		want bool
	}{
		{"connection refused", &wrapped{syscall.ECONNREFUSED}, true},
		{"stalled", errStalled, true},
		{"locked", &Error{Status: 423, Code: api.Busy}, true},
		{"too many", &Error{Status: 429, Code: api.TooMany}, true},
		{"unavailable", &Error{Status: 503, Code: api.Unavailable}, true},
		{"a proxy's bad gateway", &Error{Status: 502, Code: api.ServerError}, true},
		{"cut off", &Error{Status: 400, Code: api.CutOff}, true},
		{"damaged", &Error{Status: 503, Code: api.Damaged}, false},
		{"full", &Error{Status: 507, Code: api.NoSpace}, false},
		{"invalid", &Error{Status: 400, Code: api.InvalidUpload}, false},
		{"conflict", &Error{Status: 409, Code: api.Conflict}, false},
		{"source unreadable", &wrapped{&sourceError{syscall.EIO}}, false},
		{"changed", &wrapped{ErrChanged}, false},
		{"corrupt", &wrapped{ErrCorrupt}, false},
	}
	for _, tt := range tests {
		if got := transient(tt.err); got != tt.want {
			t.Errorf("%s: transient = %v, want %v", tt.name, got, tt.want)
		}
	}
}

type wrapped struct{ err error }

func (w *wrapped) Error() string { return "wrapped: " + w.err.Error() }
func (w *wrapped) Unwrap() error { return w.err }

func TestRetryWaitGrowsWithinBounds(t *testing.T) {
	t.Parallel()
	r := Retry{Base: 100 * time.Millisecond, Max: 3 * time.Second}.withDefaults()
	for n := 1; n < 100; n++ {
		full := min(r.Max, r.Base<<min(n-1, 20))
		if low, high := r.wait(n, 0), r.wait(n, 1); low != full/2 || high != full/2+full/2 {
			t.Fatalf("wait(%d) is in %v..%v, want %v..%v", n, low, high, full/2, full)
		}
	}
}

func TestPauseGivesUp(t *testing.T) {
	t.Parallel()
	refused := &Error{Status: 503, Code: api.Unavailable}
	b := backoff{Retry: Retry{Base: time.Millisecond, Patience: -1}.withDefaults()}
	if err := b.pause(t.Context(), refused); !errors.Is(err, refused) {
		t.Errorf("without patience: %v, want the refusal", err)
	}
	b = backoff{Retry: Retry{Base: time.Microsecond, Max: time.Microsecond, Patience: 20 * time.Millisecond}.withDefaults()}
	var err error
	for err == nil {
		err = b.pause(t.Context(), refused)
	}
	if !errors.Is(err, refused) || b.tries < 2 {
		t.Errorf("after %d tries: %v, want the refusal", b.tries, err)
	}
	b = backoff{Retry: Retry{}.withDefaults()}
	if err := b.pause(t.Context(), &Error{Status: 429, RetryAfter: time.Hour}); err == nil {
		t.Error("a wish for an hour of rest was waited for beyond the patience")
	}
}

func TestPauseEndsWithItsContext(t *testing.T) {
	t.Parallel()
	why := errors.New("why")
	ctx, cancel := context.WithCancelCause(t.Context())
	b := backoff{Retry: Retry{Base: time.Hour, Max: time.Hour, Patience: 100 * time.Hour}}
	time.AfterFunc(time.Millisecond, func() { cancel(why) })
	if err := b.pause(ctx, errStalled); !errors.Is(err, why) {
		t.Errorf("pause: %v, want the context's cause", err)
	}
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	now := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	for in, want := range map[string]time.Duration{
		"":                              0,
		"7":                             7 * time.Second,
		"-7":                            0,
		"99999999":                      time.Hour,
		"soon":                          0,
		"Wed, 02 Jan 2030 03:04:15 GMT": 10 * time.Second,
		"Wed, 02 Jan 2030 03:04:00 GMT": 0,
	} {
		if got := retryAfter(http.Header{"Retry-After": {in}}, now); got != want {
			t.Errorf("retryAfter(%q) = %v, want %v", in, got, want)
		}
	}
}
