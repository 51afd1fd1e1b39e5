package client

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"slices"
	"testing"

	"github.com/blinkdrive/blinkdrive/handler/api"
)

func TestFailureReadsEnvelope(t *testing.T) {
	t.Parallel()
	h := http.Header{}
	h.Set(api.HeaderRequestID, "r1")
	h.Set("Retry-After", "2")
	a := answer{409, h, []byte(`{"code":-2,"msg":"chunks are missing","data":{"Missing":[2,3]}}`)}
	err := a.failure()
	e := err.(*Error) //nolint:errorlint // it is that very type
	if !IsCode(err, api.ChunksMissing) || e.Status != 409 || !slices.Equal(e.Missing, []int{2, 3}) ||
		e.RequestID != "r1" || e.RetryAfter.Seconds() != 2 {
		t.Errorf("got %#v", e)
	}
}

func TestFailureOfSomethingElse(t *testing.T) {
	t.Parallel()
	for _, body := range []string{"", "<html>", `{}`, `[]`, `{"code":0}`, `{"code":"x"}`, `{"msg":"x"}`} {
		e, ok := answer{502, http.Header{}, []byte(body)}.failure().(*Error)
		if !ok || e.Code != api.ServerError || e.Status != 502 || !transient(e) {
			t.Errorf("%q: got %#v", body, e)
		}
	}
}

func FuzzEnvelope(f *testing.F) {
	for _, s := range []string{
		`{"code":0,"msg":"OK","data":null}`, `{"code":-2,"data":{"Missing":[1]}}`, `{"code":10101,"data":{"Bad":[-1]}}`,
		`{"code":-3,"data":{"Challenge":"x","Ranges":[{"Offset":0,"Length":1}]}}`, `{"code":1e99}`, `null`, ``,
	} {
		f.Add([]byte(s), 409)
	}
	f.Fuzz(func(t *testing.T, body []byte, status int) {
		a := answer{status, http.Header{}, body}
		if err := a.failure(); (err == nil) != (status >= 200 && status < 300) {
			t.Errorf("status %d: %v", status, err)
		}
		var in api.Init
		env, err := a.enveloped(&in)
		if err != nil {
			return
		}
		ch, err := parseChallenge(env, 1000)
		if err != nil {
			return
		}
		for _, r := range ch.Ranges {
			if r.Offset < 0 || r.Length < 0 || r.Offset+r.Length > 1000 {
				t.Errorf("accepted %+v for 1000 bytes", r)
			}
		}
	})
}

func FuzzContentRange(f *testing.F) {
	f.Add("bytes 0-9/10")
	f.Add("bytes */10")
	f.Add("bytes 5-4/10")
	f.Fuzz(func(t *testing.T, s string) {
		from, size, err := parseContentRange(s)
		if err == nil && (from < 0 || from >= size) {
			t.Errorf("%q: %d of %d", s, from, size)
		}
	})
}

func TestReprDigest(t *testing.T) {
	t.Parallel()
	sum := sha256.Sum256([]byte("x"))
	b64 := base64.StdEncoding.EncodeToString(sum[:])
	for _, s := range []string{"sha-256=:" + b64 + ":", "sha=:AAAA:, sha-256=:" + b64 + ":"} {
		if got := reprSHA256(s); !bytes.Equal(got, sum[:]) {
			t.Errorf("%q: got %x", s, got)
		}
	}
	for _, s := range []string{"", "sha-256", "sha-256=::", "sha-256=:" + b64, "sha-256=:AAAA:", "sha-512=:" + b64 + ":"} {
		if got := reprSHA256(s); got != nil {
			t.Errorf("%q: got %x, want none", s, got)
		}
	}
}
