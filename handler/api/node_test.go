package api_test

import (
	"strings"
	"testing"
	"time"

	"github.com/blinkdrive/blinkdrive/handler/api"
)

func TestNodeSignature(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_700_000_000, 0)
	key := api.NewNodeKey([]byte("secret"))
	req := api.NodeRequest{Method: "GET", Path: api.NodeBlobPath, Query: "name=a", Node: "n1"}
	good := key.Sign(req, now)
	if !strings.HasPrefix(good, "Blinkdrive-Node 1700000000:") {
		t.Fatalf("header %q", good)
	}
	with := func(change func(*api.NodeRequest)) api.NodeRequest {
		r := req
		change(&r)
		return r
	}
	tests := []struct {
		what   string
		header string
		req    api.NodeRequest
		key    api.NodeKey
		at     time.Time
		want   bool
	}{
		{"good", good, req, key, now, true},
		{"a little late", good, req, key, now.Add(api.NodeWindow), true},
		{"a little early", good, req, key, now.Add(-api.NodeWindow), true},
		{"too late", good, req, key, now.Add(api.NodeWindow + time.Second), false},
		{"too early", good, req, key, now.Add(-api.NodeWindow - time.Second), false},
		{"other key", good, req, api.NewNodeKey([]byte("Secret")), now, false},
		{"no key", good, req, api.NewNodeKey(nil), now, false},
		{"other method", good, with(func(r *api.NodeRequest) { r.Method = "HEAD" }), key, now, false},
		{"other path", good, with(func(r *api.NodeRequest) { r.Path = "/internal/chunk" }), key, now, false},
		{"other query", good, with(func(r *api.NodeRequest) { r.Query = "name=b" }), key, now, false},
		{"other node", good, with(func(r *api.NodeRequest) { r.Node = "n2" }), key, now, false},
		{"other time", strings.Replace(good, "1700000000", "1700000001", 1), req, key, now, false},
		{"no signature", "Blinkdrive-Node 1700000000:", req, key, now, false},
		{"no time", "Blinkdrive-Node " + good[len("Blinkdrive-Node 1700000000"):], req, key, now, false},
		{"upper case", strings.ToUpper(good), req, key, now, false},
		{"more after it", good + " ", req, key, now, false},
		{"a user's token", "Bearer 0123456789012345678901234567890123456789", req, key, now, false},
		{"nothing", "", req, key, now, false},
	}
	for _, tt := range tests {
		if got := tt.key.Verify(tt.header, tt.req, tt.at); got != tt.want {
			t.Errorf("%s: %v", tt.what, got)
		}
	}
}

func TestNodeAnswer(t *testing.T) {
	t.Parallel()
	key := api.NewNodeKey([]byte("secret"))
	proof := key.Answer("request", true, 5)
	for what, ok := range map[string]bool{
		"good":          key.VerifyAnswer(proof, "request", true, 5),
		"no proof":      !key.VerifyAnswer("", "request", true, 5),
		"other request": !key.VerifyAnswer(proof, "Request", true, 5),
		"not found":     !key.VerifyAnswer(proof, "request", false, 5),
		"other size":    !key.VerifyAnswer(proof, "request", true, 6),
		"other key":     !api.NewNodeKey([]byte("x")).VerifyAnswer(proof, "request", true, 5),
	} {
		if !ok {
			t.Error(what)
		}
	}
}
