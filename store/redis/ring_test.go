package redis_test

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	redigo "github.com/gomodule/redigo/redis"
	"github.com/mna/redisc"

	"github.com/blinkdrive/blinkdrive/store"
)

// A ring is a cluster of a test's own: masters that share the slots evenly, and replicas of the first one.
type ring struct {
	masters, replicas []*server
	bus               map[*server]int
}

func (r *ring) all() []*server {
	return append(r.masters[:len(r.masters):len(r.masters)], r.replicas...)
}

// startRing starts a cluster whose masters go on without each other.
func startRing(t testing.TB, masters, replicas int) *ring {
	t.Helper()
	r := &ring{bus: make(map[*server]int)}
	for i := range masters + replicas {
		bus := freePort(t)
		s := startServer(t, "--cluster-enabled", "yes", "--cluster-port", strconv.Itoa(bus), "--cluster-node-timeout", "1500",
			"--cluster-require-full-coverage", "no", "--repl-diskless-sync-delay", "0")
		r.bus[s] = bus
		if i < masters {
			r.masters = append(r.masters, s)
		} else {
			r.replicas = append(r.replicas, s)
		}
	}
	r.join(t)
	return r
}

func (r *ring) join(t testing.TB) {
	t.Helper()
	for i, s := range r.masters {
		s.must(t, "CLUSTER", "SET-CONFIG-EPOCH", i+1)
		args := []any{"ADDSLOTS"}
		first, next := r.slots(i)
		for slot := first; slot < next; slot++ {
			args = append(args, slot)
		}
		s.must(t, "CLUSTER", args...)
	}
	for _, s := range r.all()[1:] {
		s.must(t, "CLUSTER", "MEET", "127.0.0.1", r.masters[0].port, r.bus[r.masters[0]])
	}
	r.settle(t)
	if len(r.replicas) == 0 {
		return
	}
	id, err := redigo.String(r.masters[0].ask("CLUSTER", "MYID"))
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range r.replicas {
		s.must(t, "CLUSTER", "REPLICATE", id)
		r.wait(t, "the replica is in step", func() bool {
			role, err := redigo.Values(s.ask("ROLE"))
			return err == nil && len(role) > 3 && fmt.Sprintf("%s", role[3]) == "connected"
		})
	}
	r.settle(t)
}

// settle waits until every server knows the others and where every slot is.
func (r *ring) settle(t testing.TB) {
	t.Helper()
	for _, s := range r.all() {
		r.wait(t, "the cluster is complete", func() bool {
			info, err := redigo.String(s.ask("CLUSTER", "INFO"))
			return err == nil && contains(info, "cluster_state:ok", "cluster_slots_ok:16384",
				fmt.Sprintf("cluster_known_nodes:%d", len(r.all())))
		})
	}
}

func (r *ring) wait(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(60 * time.Second); !ok(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within a minute", what)
		}
	}
}

// url names the first servers only: the others must be found.
func (r *ring) url() string { return "redis://" + r.masters[0].addr() + "," + r.masters[1].addr() }

// on makes a record whose key, in a DB with this prefix, belongs to the i-th master.
func (r *ring) on(i int, prefix string) store.ProgressInfo {
	for {
		info := progressInfo(5)
		slot := redisc.Slot(prefix + "MP_" + string(info.Upload))
		if first, next := r.slots(i); slot >= first && slot < next {
			return info
		}
	}
}

// slots are what the i-th master is given at first: from first to before next.
func (r *ring) slots(i int) (first, next int) {
	return i * redisc.HashSlots / len(r.masters), (i + 1) * redisc.HashSlots / len(r.masters)
}
