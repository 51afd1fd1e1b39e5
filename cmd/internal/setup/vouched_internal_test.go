package setup

import (
	"errors"
	"testing"
	"time"

	"github.com/blinkdrive/blinkdrive/store"
	"github.com/blinkdrive/blinkdrive/store/memory"
)

func TestOnlyVouchedNodesAreAsked(t *testing.T) {
	t.Parallel()
	plain := memory.NewNodes()
	ours, theirs := vouchedNodes{plain, []byte("ours")}, vouchedNodes{plain, []byte("theirs")}
	n := store.Node{ID: "n1", URL: "http://10.0.0.5:8080"}
	announce := func(nodes store.Nodes, n store.Node) {
		t.Helper()
		if _, err := nodes.Announce(t.Context(), n, time.Minute); err != nil {
			t.Fatal(err)
		}
	}
	announce(ours, n)
	if got, err := ours.Node(t.Context(), "n1"); err != nil || got != n {
		t.Fatalf("%+v, %v", got, err)
	}
	signed, err := plain.Node(t.Context(), "n1")
	if err != nil {
		t.Fatal(err)
	}
	for what, forge := range map[string]func(){
		"no signature":   func() { announce(plain, n) },
		"another secret": func() { announce(theirs, n) },
		"another address": func() {
			announce(plain, store.Node{ID: "n1", URL: "http://evil" + signed.URL[len("http://10.0.0.5"):]})
		},
		"another node's": func() {
			announce(plain, store.Node{ID: "n1", URL: n.URL + " " + ours.sign(store.Node{ID: "n2", URL: n.URL})})
		},
		"nothing but a sig": func() { announce(plain, store.Node{ID: "n1", URL: " " + ours.sign(n)}) },
	} {
		forge()
		if got, err := ours.Node(t.Context(), "n1"); !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("%s: %+v, %v; want ErrUnavailable", what, got, err)
		}
	}
	if _, err := ours.Node(t.Context(), "n9"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("nobody: %v", err)
	}
}
