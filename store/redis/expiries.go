package redis

import (
	"context"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/blinkdrive/blinkdrive/store"
)

// A pace is how often Watch does what it does.
type pace struct {
	ping       time.Duration // a line that is silent for longer than this and the timeout is dead
	layout     time.Duration // how often the masters are asked for
	least, top time.Duration // between two attempts at one line
}

var defaultPace = pace{ping: 10 * time.Second, layout: 10 * time.Second, least: 500 * time.Millisecond, top: 30 * time.Second}

// Watch implements store.Expiries. A server tells only of its own keys, so there is a line to each master.
func (db *DB) Watch(ctx context.Context, fn func(store.UploadID)) error {
	ctx, stop := context.WithCancel(ctx)
	w := &watch{db: db, events: make(chan store.UploadID), lines: make(map[string]context.CancelFunc)}
	w.running.Go(func() { w.follow(ctx) })
	defer w.running.Wait()
	defer stop()
	for {
		select {
		case id := <-w.events:
			fn(id)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// watch is one call of Watch.
type watch struct {
	db       *DB
	events   chan store.UploadID
	running  sync.WaitGroup
	lines    map[string]context.CancelFunc // by address; follow's own
	readOnly sync.Once                     // to say once that the settings of a server are not ours to change
}

// follow keeps a line to each master, whoever the masters are.
func (w *watch) follow(ctx context.Context) {
	for {
		addrs, err := w.masters(ctx)
		if err == nil {
			w.connect(ctx, addrs)
		} else if ctx.Err() == nil {
			w.db.options.Log.Warn("redis: could not find the masters to watch for expired keys", "err", err)
		}
		pause := w.db.pace.layout
		if err != nil && len(w.lines) == 0 {
			pause = w.db.pace.least
		}
		if !sleep(ctx, pause) {
			return
		}
	}
}

// masters asks in the background: servers that are paused may take their time, ctx may not.
func (w *watch) masters(ctx context.Context) ([]string, error) {
	type answer struct {
		addrs []string
		err   error
	}
	answered := make(chan answer, 1)
	if !w.db.run(func() {
		addrs, err := w.db.servers.masters()
		answered <- answer{addrs, err}
	}) {
		return nil, errClosed
	}
	select {
	case a := <-answered:
		return a.addrs, a.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// connect starts the lines that are missing and ends those to servers that are no masters any more.
func (w *watch) connect(ctx context.Context, addrs []string) {
	old := w.lines
	w.lines = make(map[string]context.CancelFunc, len(addrs))
	for _, addr := range addrs {
		if end, ok := old[addr]; ok {
			w.lines[addr] = end
			delete(old, addr)
			continue
		}
		line, end := context.WithCancel(ctx)
		w.lines[addr] = end
		w.running.Go(func() { w.keep(line, addr) })
	}
	for _, end := range old {
		end()
	}
}

// keep listens to one server for ever.
func (w *watch) keep(ctx context.Context, addr string) {
	log := w.db.options.Log.With("server", addr)
	b := backoff{least: w.db.pace.least, top: w.db.pace.top}
	for {
		err := w.listen(ctx, addr, func() {
			if b.tries > 0 {
				log.Info("redis: watch for expired keys resumed")
			}
			b.tries = 0
		})
		if ctx.Err() != nil {
			return
		}
		if b.tries == 0 {
			log.Warn("redis: could not watch for expired keys; retrying", "err", err)
		}
		if !sleep(ctx, b.next()) {
			return
		}
	}
}

// tell passes an event on, if it is about a progress record of ours.
func (w *watch) tell(ctx context.Context, key string) {
	name, ok := strings.CutPrefix(key, w.db.key("MP_", ""))
	if !ok {
		return
	}
	id, err := store.ParseUploadID(name)
	if err != nil { // a key of somebody else's
		return
	}
	select {
	case w.events <- id:
	case <-ctx.Done():
	}
}

// A backoff doubles from least to top. Up to half of each pause is left to chance, lest all nodes come at once.
type backoff struct {
	least, top time.Duration
	tries      int
}

func (b *backoff) next() time.Duration {
	d := b.top
	if b.tries < 16 {
		d = min(b.top, b.least<<b.tries)
	}
	b.tries++
	return max(b.least, d-rand.N(d/2+1))
}

// sleep reports whether the time has passed before ctx ended.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
