package service_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/blinkdrive/blinkdrive/service"
	"github.com/blinkdrive/blinkdrive/store"
)

// registry is a node registry that can be flushed, and can fail.
type registry struct {
	mu    sync.Mutex
	nodes map[store.NodeID]store.Node
	err   error
	beats int
}

func (r *registry) Announce(_ context.Context, n store.Node, _ time.Duration) (bool, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.beats++
	if r.err != nil {
		return false, r.err
	}
	_, known := r.nodes[n.ID]
	r.nodes[n.ID] = n
	return !known, nil
}

func (r *registry) Node(_ context.Context, id store.NodeID) (store.Node, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	n, ok := r.nodes[id]
	if !ok {
		return n, store.ErrNotFound
	}
	return n, nil
}

func (r *registry) Withdraw(_ context.Context, id store.NodeID) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.nodes, id)
	return nil
}

// after changes the registry and waits for some beats.
func (r *registry) after(t *testing.T, change func()) {
	t.Helper()
	r.mu.Lock()
	change()
	from := r.beats
	r.mu.Unlock()
	await(t, "some beats", func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		return r.beats > from+3
	})
}

func TestHeartbeat(t *testing.T) {
	t.Parallel()
	r := &registry{nodes: map[store.NodeID]store.Node{}}
	var log bytes.Buffer
	h := &service.Heartbeat{Nodes: r, Node: store.Node{ID: "n1", URL: "http://n1:8080"}, Every: time.Millisecond,
		Log: slog.New(slog.NewTextHandler(&log, nil)), Metrics: service.NewMetrics(nil)}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- h.Run(ctx) }()
	r.after(t, func() {})
	if n, err := r.Node(t.Context(), "n1"); err != nil || n.URL != "http://n1:8080" {
		t.Errorf("%+v, %v", n, err)
	}
	r.after(t, func() { clear(r.nodes) })
	if _, err := r.Node(t.Context(), "n1"); err != nil {
		t.Errorf("after a flush: %v", err)
	}
	r.after(t, func() { clear(r.nodes); r.err = errBroken })
	r.after(t, func() { r.err = nil })
	if _, err := r.Node(t.Context(), "n1"); err != nil {
		t.Errorf("after a failure: %v", err)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if len(r.nodes) != 0 {
		t.Error("the node was not withdrawn")
	}
	for _, line := range []string{"node announced\"", "had lost this node", "could not announce", "announced again"} {
		if n := strings.Count(log.String(), line); n != 1 {
			t.Errorf("%q was logged %d times:\n%s", line, n, &log)
		}
	}
}
