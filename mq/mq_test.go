package mq_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/blinkdrive/blinkdrive/mq"
)

// The original's producer writes these names and numbers.
const original = `{"FileHash":"da39a3ee5e6b4b0d3255bfef95601890afd80709","CurLocation":"/tmp/a","DestLocation":"oss/images/a","DestStoreType":3}`

func TestMessageHasTheOriginalsForm(t *testing.T) {
	t.Parallel()
	m, err := mq.ParseMessage([]byte(original))
	want := mq.Message{
		FileHash: "da39a3ee5e6b4b0d3255bfef95601890afd80709", CurLocation: "/tmp/a", DestLocation: "oss/images/a",
		DestStoreType: mq.StoreOSS,
	}
	if diff := cmp.Diff(want, m); diff != "" || err != nil {
		t.Fatalf("%v\n%s", err, diff)
	}
	if b, err := json.Marshal(m); err != nil || string(b) != original {
		t.Errorf("written as %s, %v", b, err)
	}
	for _, bad := range []string{"", "x", "[]", `{"FileHash":1}`} {
		if m, err := mq.ParseMessage([]byte(bad)); err == nil {
			t.Errorf("%q is taken for %+v", bad, m)
		}
	}
}

func FuzzParseMessage(f *testing.F) {
	f.Add([]byte(original))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := mq.ParseMessage(b)
		if err != nil {
			return
		}
		text, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := mq.ParseMessage(text); err != nil || !cmp.Equal(m, again) {
			t.Errorf("%+v became %+v: %v", m, again, err)
		}
	})
}
