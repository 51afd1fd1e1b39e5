package redis_test

import (
	"strings"
	"testing"
	"time"

	redigo "github.com/gomodule/redigo/redis"
	"github.com/mna/redisc"

	"github.com/blinkdrive/blinkdrive/store"
	"github.com/blinkdrive/blinkdrive/store/redis"
)

// openRing opens a DB on a cluster of the test's own.
func openRing(t *testing.T, url string) (db *redis.DB, prefix string) {
	t.Helper()
	db = open(t, url, func(o *redis.Options) { o.Timeout, prefix = time.Second, o.Prefix })
	return db, prefix
}

// works reports whether a record can be written and read.
func works(t *testing.T, db *redis.DB, info store.ProgressInfo) bool {
	if db.Put(t.Context(), info, []int{1}, time.Minute) != nil {
		return false
	}
	_, _, err := db.Held(t.Context(), info.Upload)
	return err == nil
}

// A part of the keys is away with its master; the others are not.
func TestClusterMasterDown(t *testing.T) {
	t.Parallel()
	r := startRing(t, 3, 0)
	db, prefix := openRing(t, r.url())
	flushed(t, db, r.masters...)
	var infos []store.ProgressInfo
	for i := range r.masters {
		infos = append(infos, r.on(i, prefix))
		put(t, db, infos[i], 1)
	}
	for name, away := range map[string]struct{ leave, come func(testing.TB) }{
		"paused": {r.masters[1].pause, r.masters[1].resume},
		"killed": {r.masters[1].kill, r.masters[1].start},
	} {
		away.leave(t)
		for range 3 {
			for i, info := range infos {
				start := time.Now()
				_, err := db.Mark(t.Context(), info.Upload, 2, time.Minute)
				if i == 1 {
					wantError(t, "Mark at the master that is "+name, err, store.ErrUnavailable)
				} else if err != nil {
					t.Errorf("Mark at another master than the one that is %s: %v", name, err)
				}
				if d := time.Since(start); d > promptly {
					t.Errorf("it took %v to say so", d)
				}
			}
		}
		away.come(t)
		eventually(t, "the master is found again", func() bool { return works(t, db, infos[1]) })
		r.settle(t)
	}
}

// The replica takes over from a master, whether that is gone or, worse, accepts connections and says nothing.
func TestClusterFailover(t *testing.T) {
	t.Parallel()
	for name, leave := range map[string]func(*server, testing.TB){"killed": (*server).kill, "paused": (*server).pause} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := startRing(t, 3, 1)
			db, prefix := openRing(t, r.url())
			info := r.on(0, prefix)
			put(t, db, info, 1)
			leave(r.masters[0], t)
			eventually(t, "the replica is found", func() bool { return works(t, db, info) })
			eventually(t, "the cluster is ready", func() bool { return db.Ping(t.Context()) == nil })
		})
	}
}

// While a slot moves, keys are on one master or the other. Nobody notices.
func TestClusterSlotMoves(t *testing.T) {
	t.Parallel()
	r := startRing(t, 2, 0)
	db, prefix := openRing(t, r.url())
	from, to := r.masters[0], r.masters[1]
	info := r.on(0, prefix)
	key := prefix + "MP_" + string(info.Upload)
	slot := redisc.Slot(key)
	fromID, toID := myID(t, from), myID(t, to)
	put(t, db, info, 1)
	mark := func(index, want int) {
		t.Helper()
		if n, err := db.Mark(t.Context(), info.Upload, index, time.Minute); n != want || err != nil {
			t.Errorf("Mark = %d, %v; want %d", n, err, want)
		}
	}
	to.must(t, "CLUSTER", "SETSLOT", slot, "IMPORTING", fromID)
	from.must(t, "CLUSTER", "SETSLOT", slot, "MIGRATING", toID)
	mark(2, 2)
	from.must(t, "MIGRATE", "127.0.0.1", to.port, key, 0, 5000)
	mark(3, 3) // by ASK, with a script that the new master does not know
	wantHeld(t, db, info, 1, 2, 3)
	to.must(t, "CLUSTER", "SETSLOT", slot, "NODE", toID)
	from.must(t, "CLUSTER", "SETSLOT", slot, "NODE", toID)
	mark(4, 4) // by MOVED
	mark(5, 5)
}

func myID(t *testing.T, s *server) string {
	t.Helper()
	id, err := redigo.String(s.ask("CLUSTER", "MYID"))
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// Every server of the cluster comes back under another address. Only the configured one still leads there.
func TestClusterMovesHouse(t *testing.T) {
	t.Parallel()
	old := startRing(t, 2, 0)
	door := startProxy(t, old.masters[0].addr())
	db, _ := openRing(t, door.url()) // one host: that it is a cluster's is found out, too
	info := progressInfo(5)
	put(t, db, info, 1)
	for _, s := range old.masters {
		s.kill(t)
	}
	wantUnavailable(t, db, info)
	next := startRing(t, 2, 0)
	door.set(func(p *proxy) { p.target = next.masters[0].addr() })
	door.cutAll(false)
	for range 10 {
		info := progressInfo(5) // on either master
		eventually(t, "the new addresses are found", func() bool { return works(t, db, info) })
	}
}

func TestClusterHasOneDatabase(t *testing.T) {
	t.Parallel()
	r := startRing(t, 2, 0)
	for _, url := range []string{r.url() + "/1", "redis://" + r.masters[0].addr() + "/1"} {
		_, err := redis.Open(t.Context(), redis.Options{URL: url})
		if err == nil || !strings.Contains(err.Error(), "cluster") {
			t.Errorf("Open of %s: %v", url, err)
		}
	}
}
