package service_test

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	memqueue "github.com/blinkdrive/blinkdrive/mq/memory"
	"github.com/blinkdrive/blinkdrive/service"
	"github.com/blinkdrive/blinkdrive/store"
	"github.com/blinkdrive/blinkdrive/store/disk"
	"github.com/blinkdrive/blinkdrive/store/memory"
	"github.com/blinkdrive/blinkdrive/store/sqldb"
	"github.com/blinkdrive/blinkdrive/store/storetest"
)

const (
	testChunk = 256 << 10
	testQuota = 64 << 20
)

// An uploadRig is the upload and instant services on real drivers in a temporary directory.
type uploadRig struct {
	t       *testing.T
	dir     string
	db      *sqldb.DB
	root    *os.Root
	local   *disk.Blobs
	staging *disk.Staging
	uploads *service.Uploads
	instant *service.Instant
	user    store.User
}

func newUploadRig(t *testing.T) *uploadRig {
	t.Helper()
	g := &uploadRig{t: t, dir: t.TempDir()}
	path := filepath.Join(g.dir, "test.db")
	if err := sqldb.Migrate(t.Context(), sqldb.SQLite(path)); err != nil {
		t.Fatal(err)
	}
	var err error
	if g.db, err = sqldb.Open(t.Context(), sqldb.Options{Source: sqldb.SQLite(path)}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { g.db.Close() })
	if g.root, err = os.OpenRoot(g.dir); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { g.root.Close() })
	g.start()
	g.user = g.addUser("alice")
	return g
}

// start builds the services anew on what is on the disk, as a new process does.
func (g *uploadRig) start() {
	g.t.Helper()
	var err error
	if g.local, err = disk.NewBlobs(g.root, "blobs", store.Local, "n1"); err != nil {
		g.t.Fatal(err)
	}
	if g.staging, err = disk.NewStaging(g.root, disk.StagingOptions{Blobs: g.local}); err != nil {
		g.t.Fatal(err)
	}
	queue := memqueue.New(memqueue.Options{})
	g.t.Cleanup(func() { queue.Close() })
	log, metrics := slog.New(slog.DiscardHandler), service.NewMetrics(nil)
	g.uploads = &service.Uploads{
		Rows: g.db, Targets: g.db, Keeper: g.db, Entries: g.db, Garbage: g.db, Staging: g.staging, Local: g.local,
		Progress: memory.NewProgress(), Queue: queue, Node: "n1", Target: store.Disk,
		MaxSize: 1 << 40, MaxOpen: 10, Log: log, Now: time.Now, Metrics: metrics,
	}
	g.instant = &service.Instant{
		Entries: g.db, Contents: g.db, Uploads: g.uploads, Places: service.Places{Node: "n1", Local: g.local},
		Challenges: memory.NewChallenges(), Throttle: &service.Throttle{Limit: 1_000_000},
		Log: log, Now: time.Now, Metrics: metrics,
	}
}

// spares is the service that decides about spare copies on a disk, with nothing running.
func (g *uploadRig) spares(local store.Blobs) *service.Spares {
	return service.NewSpares(service.SpareDeps{
		Rows: g.db, Contents: g.db, Garbage: g.db, Places: service.Places{Node: "n1", Local: local},
		Target: store.Disk, Queue: g.uploads.Queue, Now: time.Now, Log: quiet(), Metrics: service.NewMetrics(nil),
	}, service.SpareOptions{})
}

func (g *uploadRig) addUser(name string) store.User {
	g.t.Helper()
	u, err := g.db.CreateUser(g.t.Context(), store.User{
		Name: name, PasswordHash: "-", Role: store.RoleUser, Quota: testQuota, SignupAt: time.Now(), LastActive: time.Now(),
	})
	if err != nil {
		g.t.Fatal(err)
	}
	return u
}

func (g *uploadRig) reload(u store.User) store.User {
	g.t.Helper()
	u, err := g.db.User(g.t.Context(), u.ID)
	if err != nil {
		g.t.Fatal(err)
	}
	return u
}

func (g *uploadRig) init(u store.User, body []byte, name string) service.UploadStatus {
	g.t.Helper()
	st, err := g.uploads.Init(g.t.Context(), u, service.InitRequest{
		Digest: storetest.SumsOf(body).Digest, Size: int64(len(body)), ChunkSize: testChunk, Name: name,
	})
	if err != nil {
		g.t.Fatal(err)
	}
	return st
}

func (g *uploadRig) put(u store.User, st service.UploadStatus, body []byte, indexes ...int) {
	g.t.Helper()
	if len(indexes) == 0 {
		for i := range st.Layout.Count() {
			indexes = append(indexes, i+1)
		}
	}
	for _, i := range indexes {
		off, n := st.Layout.Extent(i)
		p := service.Part{Upload: st.ID, Index: i, Length: n}
		if err := g.uploads.PutChunk(g.t.Context(), u.ID, p, bytes.NewReader(body[off:off+n])); err != nil {
			g.t.Fatal(err)
		}
	}
}

func (g *uploadRig) complete(u store.User, id store.UploadID) (store.Entry, error) {
	return g.uploads.Complete(g.t.Context(), u, service.CompleteRequest{Upload: id, Size: -1})
}

// bring uploads a whole file.
func (g *uploadRig) bring(u store.User, body []byte, name string) store.Entry {
	g.t.Helper()
	st := g.init(u, body, name)
	g.put(u, st, body)
	e, err := g.complete(u, st.ID)
	if err != nil {
		g.t.Fatal(err)
	}
	return e
}

func (g *uploadRig) holds(e store.Entry, body []byte) {
	g.t.Helper()
	f, err := g.local.Open(g.t.Context(), e.Content.Location.Name())
	if err != nil {
		g.t.Fatal(err)
	}
	defer f.Close()
	if got, err := io.ReadAll(f); err != nil || !bytes.Equal(got, body) {
		g.t.Fatalf("%s: read %d bytes, want %d: %v", e.Name, len(got), len(body), err)
	}
}

func wantKind(t *testing.T, what string, err error, k service.Kind) *service.Error {
	t.Helper()
	e, ok := errors.AsType[*service.Error](err)
	if !ok || e.Kind != k {
		t.Errorf("%s: %v, want kind %d", what, err, k)
		return &service.Error{}
	}
	return e
}

// leftNothing checks that no upload left anything in staging.
func (g *uploadRig) leftNothing() {
	g.t.Helper()
	err := g.staging.List(g.t.Context(), func(id store.UploadID, _ time.Time) error {
		g.t.Errorf("staging of %s is left behind", id)
		return nil
	})
	if err != nil {
		g.t.Error(err)
	}
}

// countBlobs counts what has been published.
func (g *uploadRig) countBlobs() (n int) {
	g.t.Helper()
	if err := g.local.List(g.t.Context(), func(store.BlobInfo) error { n++; return nil }); err != nil {
		g.t.Fatal(err)
	}
	return n
}
