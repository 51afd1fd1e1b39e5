package redis_test

import (
	"context"
	"crypto/rand"
	"strings"
	"testing"
	"time"

	redigo "github.com/gomodule/redigo/redis"
	"go.uber.org/goleak"

	"github.com/blinkdrive/blinkdrive/store"
	"github.com/blinkdrive/blinkdrive/store/redis"
	"github.com/blinkdrive/blinkdrive/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// harnesses are the servers on which every suite runs.
var harnesses = map[string]string{
	"single":  "BLINKDRIVE_TEST_REDIS_ADDR",
	"cluster": "BLINKDRIVE_TEST_REDIS_CLUSTER_ADDRS",
}

// onEach runs a test on each kind of server.
func onEach(t *testing.T, test func(t *testing.T, url string)) {
	t.Parallel()
	for name, variable := range harnesses {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, storetest.Server(t, variable))
		})
	}
}

// open opens a DB with keys of its own, which are gone after the test.
func open(t testing.TB, url string, change ...func(*redis.Options)) *redis.DB {
	t.Helper()
	o := redis.Options{URL: url, Prefix: "test-" + rand.Text() + ":", Log: testLog(t)}
	for _, c := range change {
		c(&o)
	}
	db, err := redis.Open(t.Context(), o)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
		remove(t, url, o.Prefix)
	})
	return db
}

// remove removes what a test has left on a shared server, as far as the server is still there.
func remove(t testing.TB, url, prefix string) {
	for addr := range strings.SplitSeq(strings.TrimSuffix(strings.TrimPrefix(url, "redis://"), "/0"), ",") {
		c, err := redigo.Dial("tcp", addr, redigo.DialConnectTimeout(time.Second), redigo.DialReadTimeout(5*time.Second))
		if err != nil {
			continue
		}
		for cursor := "0"; ; {
			page, err := redigo.Values(c.Do("SCAN", cursor, "MATCH", prefix+"*", "COUNT", 1000))
			var keys []string
			if err == nil {
				_, err = redigo.Scan(page, &cursor, &keys)
			}
			for _, key := range keys {
				if _, err := c.Do("DEL", key); err != nil {
					t.Logf("a key stays behind: %v", err)
				}
			}
			if err != nil || cursor == "0" {
				break
			}
		}
		c.Close()
	}
}

func TestProgress(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		storetest.Progress(t, func(t *testing.T) (store.Progress, storetest.Wait) { return open(t, url), time.Sleep })
	})
}

func TestChallenges(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		storetest.Challenges(t, func(t *testing.T) (store.Challenges, storetest.Wait) { return open(t, url), time.Sleep })
	})
}

func TestLeader(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		storetest.Leader(t, func(t *testing.T) (store.Leader, storetest.Wait) { return open(t, url), time.Sleep })
	})
}

func TestNodes(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		storetest.Nodes(t, func(t *testing.T) (store.Nodes, storetest.Wait) { return open(t, url), time.Sleep })
	})
}

func TestExpiries(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		storetest.Expiries(t, func(t *testing.T) (store.Expiries, store.Progress) {
			db := open(t, url)
			return db, db
		})
	})
}

func TestPing(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		if err := open(t, url).Ping(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// Every key must expire by itself, whatever becomes of the drive.
func TestEveryKeyHasATimeToLive(t *testing.T) {
	t.Parallel()
	url := storetest.Server(t, "BLINKDRIVE_TEST_REDIS_ADDR")
	var prefix string
	db := open(t, url, func(o *redis.Options) { prefix = o.Prefix })
	ctx, id := t.Context(), progressInfo(3).Upload
	_, announceErr := db.Announce(ctx, store.Node{ID: "n1", URL: "http://n1"}, time.Minute)
	_, leadErr := db.Lead(ctx, "n1", time.Minute)
	for _, err := range []error{
		db.Put(ctx, store.ProgressInfo{Upload: id, Layout: store.Layout{Size: 9, ChunkSize: 5}}, []int{1}, time.Minute),
		db.Add(ctx, "key", store.Challenge{User: 1}, time.Minute), announceErr, leadErr,
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, err := db.Mark(ctx, id, 2, time.Minute); err != nil {
		t.Fatal(err)
	}
	c, err := redigo.DialURL(url)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, key := range []string{"MP_" + string(id), "CH_key", "NODE_n1", "LEADER"} {
		if ttl, err := redigo.Int(c.Do("TTL", prefix+key)); err != nil || ttl < 1 || ttl > 60 {
			t.Errorf("%s lives for %d s, %v; want up to a minute", key, ttl, err)
		}
	}
}

// The fields have the names that people, and other programs, look for.
func TestProgressRecordOnTheServer(t *testing.T) {
	t.Parallel()
	url := storetest.Server(t, "BLINKDRIVE_TEST_REDIS_ADDR")
	var prefix string
	db := open(t, url, func(o *redis.Options) { prefix = o.Prefix })
	info := progressInfo(3)
	put(t, db, info, 1, 3)
	c, err := redigo.DialURL(url)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	got, err := redigo.StringMap(c.Do("HGETALL", prefix+"MP_"+string(info.Upload)))
	want := map[string]string{
		"chunkcount": "3", "chunksize": "1000", "filesize": "2999", "filehash": store.EmptyDigest.String(), "node": "n1",
		"user": "7", "chkidx_1": "1", "chkidx_3": "1",
	}
	if diff := diff(want, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	// A record that somebody has spoilt is as good as none, and is mended by whoever puts it again.
	if _, err := c.Do("HDEL", prefix+"MP_"+string(info.Upload), "filesize"); err != nil {
		t.Fatal(err)
	}
	_, _, err = db.Held(t.Context(), info.Upload)
	wantError(t, "Held of a spoilt record", err, store.ErrNotFound)
	put(t, db, info, 2)
	wantHeld(t, db, info, 2)
}

func progressInfo(chunks int) store.ProgressInfo {
	return store.ProgressInfo{
		Upload: store.NewUploadID("n1"), User: 7, Digest: store.EmptyDigest,
		Layout: store.Layout{Size: int64(chunks)*1000 - 1, ChunkSize: 1000},
	}
}

func put(t testing.TB, db *redis.DB, info store.ProgressInfo, held ...int) {
	t.Helper()
	if err := db.Put(context.WithoutCancel(t.Context()), info, held, time.Minute); err != nil {
		t.Fatalf("Put: %v", err)
	}
}
