//go:build linux

package main_test

import (
	"context"
	"errors"
	"net/http"
	"path/filepath"
	"regexp"
	"sync"
	"testing"
	"time"

	"github.com/blinkdrive/blinkdrive/cmd/internal/testenv"
	"github.com/blinkdrive/blinkdrive/handler/client"
)

// recovery is how long everything may take to be well again, without a hand, after its engines are back.
const recovery = time.Minute

// A site is a set of engines of the test's own, to be killed, paused and started again.
type site struct {
	t      *testing.T
	mysql  *testenv.MariaDB
	redis  *testenv.Redis
	rabbit *testenv.Rabbit
	ceph   *testenv.Ceph
}

func newSite(t *testing.T) *site {
	t.Helper()
	shared(t) // where there are no servers this skips, or fails
	if err := testenv.Installed(testenv.ForMySQL, testenv.ForRedis, testenv.ForAMQP, testenv.ForS3); err != nil {
		t.Skip(err)
	}
	s := &site{t: t}
	var wg sync.WaitGroup
	errs := make([]error, 4)
	wg.Go(func() { s.mysql, errs[0] = testenv.StartMariaDB(t.Context(), "") })
	wg.Go(func() { s.redis, errs[1] = testenv.StartRedis(t.Context(), "") })
	wg.Go(func() { s.rabbit, errs[2] = testenv.StartRabbit(t.Context(), "") })
	wg.Go(func() { s.ceph, errs[3] = testenv.StartCeph(t.Context(), "") })
	wg.Wait()
	t.Cleanup(func() {
		for _, c := range []interface{ Close() error }{s.mysql, s.redis, s.rabbit, s.ceph} {
			if err := c.Close(); err != nil {
				t.Error(err)
			}
		}
	})
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *site) at() addresses {
	return addresses{
		mysql: s.mysql.DSN(""), replica: s.mysql.ReplicaDSN(""), redis: s.redis.URL(), amqp: s.rabbit.URL(), s3: s.ceph.URL(),
	}
}

func (s *site) start(c interface{ Start(context.Context) error }) {
	s.t.Helper()
	if err := c.Start(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
}

func (s *site) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// TestOutages takes the engines away from a drive, one after the other, while people work with it.
func TestOutages(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("builds and runs the program")
	}
	s := newSite(t)
	w := newWorld(t, build(t, raceArgs()...), append(choice{"mysql", "redis", "rabbit", "ceph"}.env(t, s.at()),
		"BLINKDRIVE_TRANSFER_LEASE=2s", "BLINKDRIVE_TRANSFER_BANDWIDTH=32MiB")...)
	alice := w.user("alice")
	old := pattern{20, 3*mib + 1}
	file := w.put(alice, old)
	w.waitMoved(alice, file)

	for i, outage := range []struct {
		name       string
		begin, end func()
		uploads    bool // new uploads are accepted meanwhile
		downloads  bool // what is in the object store can be read meanwhile
	}{
		{"Redis is killed", s.redis.Kill, func() { s.start(s.redis) }, false, true},
		{"Redis is paused", func() { s.must(s.redis.Pause()) }, func() { s.must(s.redis.Resume()) }, false, true},
		{"Redis is flushed", func() { s.must(s.redis.FlushAll(t.Context())) }, func() {}, true, true},
		{"RabbitMQ is killed", s.rabbit.Kill, func() { s.start(s.rabbit) }, true, true},
		{"MySQL is killed", s.mysql.Primary.Kill, func() { s.start(s.mysql.Primary) }, false, false},
		{"the replica is killed", s.mysql.Replica.Kill, func() { s.start(s.mysql.Replica) }, true, true},
		{"the replica lags", func() { s.must(s.mysql.StopReplication(t.Context())) }, func() { s.must(s.mysql.StartReplication(t.Context())) }, true, true},
		{"the object store is killed", s.ceph.Gateway.Kill, func() { s.start(s.ceph.Gateway) }, true, false},
	} {
		t.Run(outage.name, func(t *testing.T) {
			w := w.in(t)
			alice := w.signedIn("alice")
			o := &interrupted{world: w, client: alice, pattern: pattern{int64(30 + i), 9*mib + 5}}
			o.begin()
			outage.begin()
			w.wantDownload(alice, file, outage.downloads)
			w.wantUpload(alice, outage.uploads)
			if outage.name == "Redis is flushed" {
				o.wantStatus()
			}
			outage.end()
			o.finish()
			w.wantSame(alice, file, old.file(t))
		})
	}
	w.wantWell(alice)
	w.fsck()
}

// in is the same drive in a test below.
func (w *world) in(t *testing.T) *world {
	other := *w
	other.t = t
	return &other
}

func (w *world) signedIn(name string) *client.Client {
	w.t.Helper()
	c, err := client.New(w.drive.URL, patient)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(c.CloseIdleConnections)
	if _, err := c.Signin(w.t.Context(), name, password); err != nil {
		w.t.Fatal(err)
	}
	return c
}

// impatient is the client's user with a client that reports the first trouble.
func (w *world) impatient(c *client.Client) *client.Client {
	w.t.Helper()
	once, err := client.New(w.drive.URL, client.Options{Token: c.Token(), Retry: client.Retry{Patience: -1}, Stall: 20 * time.Second})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(once.CloseIdleConnections)
	return once
}

// An interrupted upload is one whose first chunks arrive before an outage, and the others after it.
type interrupted struct {
	*world
	client  *client.Client
	pattern pattern
	upload  string
	digest  string
}

func (o *interrupted) begin() {
	o.t.Helper()
	digest, in := initUpload(o.t, o.client, o.pattern, "interrupted.bin")
	for i := range 4 {
		putChunk(o.t, o.client, in, o.pattern, i+1)
	}
	o.digest, o.upload = digest, in.UploadID
}

// wantStatus checks that what was acknowledged is still known.
func (o *interrupted) wantStatus() {
	o.t.Helper()
	st, err := o.client.UploadStatus(o.t.Context(), o.upload)
	if err != nil || len(st.ChunkExists) != 4 {
		o.t.Errorf("status: %+v, %v; want four chunks", st, err)
	}
}

// finish goes on with the upload as soon as that is possible, and has it moved.
func (o *interrupted) finish() {
	o.t.Helper()
	ctx, cancel := context.WithTimeout(o.t.Context(), recovery)
	defer cancel()
	res, err := o.client.Upload(ctx, o.pattern, o.pattern.size, client.UploadOptions{
		Target: client.Target{Name: "interrupted.bin"}, NoInstant: true,
	})
	if err != nil {
		o.t.Fatalf("after the outage: %v", err)
	}
	if res.BytesSaved != 4*mib {
		o.t.Errorf("%d bytes did not have to be sent again, want %d", res.BytesSaved, 4*mib)
	}
	o.waitMoved(o.client, client.ByID(res.Meta.ID))
	o.wantSame(o.client, client.ByID(res.Meta.ID), o.pattern.file(o.t))
}

// wantDownload tries a download once. Where it cannot be served, that is said as 503 and within seconds.
func (w *world) wantDownload(c *client.Client, r client.Ref, works bool) {
	w.t.Helper()
	begun := time.Now()
	_, err := w.impatient(c).DownloadFile(w.t.Context(), r, filepath.Join(w.t.TempDir(), "meanwhile"), client.DownloadOptions{})
	w.wantOutcome("download", err, works, time.Since(begun))
}

func (w *world) wantUpload(c *client.Client, works bool) {
	w.t.Helper()
	begun := time.Now()
	p := pattern{begun.UnixNano(), 100_000}
	_, err := w.impatient(c).Upload(w.t.Context(), p, p.size, client.UploadOptions{
		Target: client.Target{Name: "meanwhile.bin"}, NoInstant: true,
	})
	w.wantOutcome("upload", err, works, time.Since(begun))
}

func (w *world) wantOutcome(what string, err error, works bool, took time.Duration) {
	w.t.Helper()
	var api *client.Error
	switch {
	case works && err != nil:
		w.t.Errorf("%s: %v", what, err)
	case !works && (!errors.As(err, &api) || api.Status != http.StatusServiceUnavailable):
		w.t.Errorf("%s: %v; want 503", what, err)
	case took > 15*time.Second:
		w.t.Errorf("%s: the answer took %v", what, took)
	}
}

// jobLine is a job in a listing, which begins with its digest.
var jobLine = regexp.MustCompile(`(?m)^[0-9a-f]{40} `)

// wantWell waits until all that the outages have held up is done.
func (w *world) wantWell(c *client.Client) {
	w.t.Helper()
	for e, err := range c.List(w.t.Context(), client.Listing{}) {
		if err != nil {
			w.t.Fatal(err)
		}
		w.waitMoved(c, client.ByID(e.ID))
	}
	if out, err := w.command("transfers", "list"); err != nil || jobLine.MatchString(out) {
		w.t.Errorf("transfers that are left: %v\n%s", err, out)
	}
}
