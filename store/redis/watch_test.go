package redis_test

import (
	"strings"
	"testing"
	"time"

	redigo "github.com/gomodule/redigo/redis"

	"github.com/blinkdrive/blinkdrive/store"
	"github.com/blinkdrive/blinkdrive/store/redis"
)

// openHasty opens a DB that does not take its time to mend a watch.
func openHasty(t *testing.T, url string, l *logged) (db *redis.DB, prefix string) {
	t.Helper()
	db = open(t, url, func(o *redis.Options) { o.Timeout, o.Log, prefix = 500*time.Millisecond, l.logger(), o.Prefix })
	db.Hasten()
	return db, prefix
}

func anyRecord() store.ProgressInfo { return progressInfo(3) }

func TestWatchSurvivesTheServer(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	p := startProxy(t, s.addr())
	l := &logged{}
	db, _ := openHasty(t, p.url(), l)
	told := watching(t, db)
	wantTold(t, db, told, anyRecord)
	for _, fault := range []struct {
		name  string
		inure func()
	}{
		{"killed", func() { s.kill(t); time.Sleep(time.Second); s.start(t) }},
		{"paused", func() { s.pause(t); time.Sleep(2 * time.Second); s.resume(t) }},
		{"cut", func() { p.cutAll(false) }},
		{"silent", func() {
			p.set(func(p *proxy) { p.delay = 3 * time.Second })
			time.Sleep(time.Second)
			p.set(func(p *proxy) { p.delay = 0 })
		}},
		{"without its settings", func() { s.must(t, "CONFIG", "SET", "notify-keyspace-events", ""); p.cutAll(false) }},
	} {
		fault.inure()
		t.Logf("the server was %s", fault.name)
		wantTold(t, db, told, anyRecord)
	}
	if !contains(l.String(), "could not watch for expired keys", "watch for expired keys resumed") {
		t.Errorf("the log does not tell of a line that was lost and found:\n%s", l)
	}
}

// A line that is dead without a word is noticed by its silence.
func TestWatchNoticesADeadLine(t *testing.T) {
	t.Parallel()
	p := startProxy(t, startServer(t).addr())
	l := &logged{}
	db, _ := openHasty(t, p.url(), l)
	told := watching(t, db)
	wantTold(t, db, told, anyRecord)
	p.set(func(p *proxy) { p.delay = 2 * time.Second })
	eventually(t, "the dead line is noticed", func() bool { return strings.Contains(l.String(), "could not watch for expired keys") })
	p.set(func(p *proxy) { p.delay = 0 })
	wantTold(t, db, told, anyRecord)
}

func TestWatchAddsFlags(t *testing.T) {
	t.Parallel()
	s := startServer(t, "--notify-keyspace-events", "Kl")
	db, _ := openHasty(t, s.url(), &logged{})
	wantTold(t, db, watching(t, db), anyRecord)
	flags, err := redigo.Strings(s.ask("CONFIG", "GET", "notify-keyspace-events"))
	if err != nil || len(flags) != 2 || len(flags[1]) != 4 || !contains(flags[1], "K", "l", "E", "x") {
		t.Errorf("the flags are %q, %v; want K and l, which were there, and E and x", flags, err)
	}
}

func TestMissingFlags(t *testing.T) {
	t.Parallel()
	for flags, want := range map[string]string{
		"": "Ex", "K": "Ex", "KA": "E", "AKE": "", "xE": "", "El": "x", "x": "E", "KEx": "",
	} {
		if got := redis.MissingFlags(flags); got != want {
			t.Errorf("%q lacks %q, want %q", flags, got, want)
		}
	}
}

// Where CONFIG is forbidden the watch waits for what an administrator may have set.
func TestWatchWithoutConfig(t *testing.T) {
	t.Parallel()
	for name, args := range map[string][]string{
		"renamed": {"--rename-command", "CONFIG", ""},
		"denied":  {"--user", "default", "on", "nopass", "~*", "&*", "+@all", "-config"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := startServer(t, append([]string{"--notify-keyspace-events", "Ex"}, args...)...)
			p := startProxy(t, s.addr())
			l := &logged{}
			db, _ := openHasty(t, p.url(), l)
			told := watching(t, db)
			wantTold(t, db, told, anyRecord)
			p.cutAll(false)
			wantTold(t, db, told, anyRecord)
			if n := strings.Count(l.String(), "could not set notify-keyspace-events"); n != 1 {
				t.Errorf("that the settings cannot be changed was logged %d times, want once:\n%s", n, l)
			}
		})
	}
}

// Each master tells of its own keys, and a new one takes the place of the old.
func TestWatchCluster(t *testing.T) {
	t.Parallel()
	r := startRing(t, 3, 1)
	db, prefix := openHasty(t, r.url(), &logged{})
	told := watching(t, db)
	onEach := func() {
		for i := range r.masters {
			wantTold(t, db, told, func() store.ProgressInfo { return r.on(i, prefix) })
		}
	}
	onEach()
	r.masters[0].kill(t)
	onEach() // the replica's, too
}

// Watch comes back at once, whatever it is doing.
func TestWatchEndsWhileTheServerIsAway(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	db, _ := openHasty(t, s.url(), &logged{})
	s.pause(t)
	told := watching(t, db)
	time.Sleep(200 * time.Millisecond)
	s.resume(t)
	wantTold(t, db, told, anyRecord)
	s.kill(t)
	time.Sleep(100 * time.Millisecond) // the cleanup ends it
}

func TestBackoff(t *testing.T) {
	t.Parallel()
	for range 100 {
		pauses := redis.Backoff(40)
		for i, p := range pauses {
			if top := min(30*time.Second, 500*time.Millisecond<<min(i, 10)); p < 500*time.Millisecond || p > top || i > 7 && p < 15*time.Second {
				t.Fatalf("pause %d is %v", i, p)
			}
		}
	}
}
