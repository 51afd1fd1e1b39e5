package rabbit

import (
	"testing"
	"time"
)

func TestBackoffGrowsToItsBound(t *testing.T) {
	t.Parallel()
	b := backoff{least: time.Second, most: 30 * time.Second}
	for range 2 {
		for _, upTo := range []time.Duration{2, 4, 8, 16, 30, 30, 30} {
			if d := b.next(); d < time.Second || d > upTo*time.Second {
				t.Errorf("a pause of %v, want up to %v s", d, int(upTo))
			}
		}
		b.reset()
	}
	same := backoff{least: time.Second, most: time.Second}
	if d := same.next(); d != time.Second {
		t.Errorf("a pause of %v", d)
	}
}
