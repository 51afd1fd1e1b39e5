package service

import (
	"context"
	"log/slog"
	"time"

	"github.com/blinkdrive/blinkdrive/store"
)

// A Heartbeat says again and again that this node is up and where it is reached.
//
// A registry that did not know the node was flushed, most likely, and the progress of the node's uploads with it. Nothing
// is published again for that: whoever needs a record that is gone rebuilds it from staging, and so each upload costs its
// rebuilding only when somebody asks, not all of them at the moment when the registry has come back.
type Heartbeat struct {
	Nodes   store.Nodes
	Node    store.Node
	Every   time.Duration // 5 s
	TTL     time.Duration // how long the node is taken for up without a further beat; 15 s
	Log     *slog.Logger
	Metrics *Metrics
}

// Run announces the node until ctx ends, and withdraws it then.
func (h *Heartbeat) Run(ctx context.Context) error {
	tick := time.NewTicker(orDefault(h.Every, 5*time.Second))
	defer tick.Stop()
	b := beat{Heartbeat: h}
	for {
		b.announce(ctx)
		select {
		case <-tick.C:
		case <-ctx.Done():
			h.withdraw(ctx)
			return nil
		}
	}
}

// withdraw keeps others from asking a node that has stopped.
func (h *Heartbeat) withdraw(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTime)
	defer cancel()
	if err := h.Nodes.Withdraw(ctx, h.Node.ID); err != nil {
		h.Log.Warn("could not remove this node from the registry; its record will expire", "err", err)
	}
}

// A beat knows what was said last, so that each change is logged once.
type beat struct {
	*Heartbeat
	known   bool // announced before
	failing bool
}

func (b *beat) announce(ctx context.Context) {
	ttl := orDefault(b.TTL, 15*time.Second)
	try, cancel := context.WithTimeout(ctx, ttl)
	defer cancel()
	fresh, err := b.Nodes.Announce(try, b.Node, ttl)
	if ctx.Err() != nil {
		return
	}
	if err != nil {
		b.Metrics.HeartbeatsFailed.Inc()
		if !b.failing {
			b.Log.Warn("could not announce this node; other nodes cannot read its blobs", "node", b.Node.ID, "err", err)
		}
		b.failing = true
		return
	}
	b.Metrics.Heartbeats.Inc()
	switch {
	case !b.known:
		b.Log.Info("node announced", "node", b.Node.ID, "url", b.Node.URL)
	case b.failing:
		b.Log.Info("node announced again", "node", b.Node.ID)
	case fresh:
		b.Log.Warn("the registry had lost this node; progress records are rebuilt on demand", "node", b.Node.ID)
	}
	b.known, b.failing = true, false
}
