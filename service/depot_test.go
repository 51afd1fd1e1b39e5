package service_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	queue "github.com/blinkdrive/blinkdrive/mq/memory"
	"github.com/blinkdrive/blinkdrive/service"
	"github.com/blinkdrive/blinkdrive/store"
	"github.com/blinkdrive/blinkdrive/store/disk"
	"github.com/blinkdrive/blinkdrive/store/memory"
	"github.com/blinkdrive/blinkdrive/store/sqldb"
)

// A handClock stands still until it is moved.
type handClock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *handClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *handClock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// A depot is what transfers, downloads, the sweeper and fsck work on: a real database and real disks.
type depot struct {
	*testing.T
	db      *sqldb.DB
	staging *disk.Staging
	local   *disk.Blobs
	objects *disk.Blobs
	queue   *queue.Queue
	places  service.Places
	clock   *handClock
	user    store.User
	root    string     // of the data directory
	target  store.Kind // of the object store
}

const depotNode = store.NodeID("n1")

func newDepot(t *testing.T) *depot {
	t.Helper()
	d := &depot{T: t, queue: queue.New(queue.Options{}), clock: &handClock{now: time.Now()}, root: t.TempDir(), target: store.Disk}
	d.openDB()
	d.local = d.openBlobs(d.root, "blobs", store.Local)
	d.objects = d.openBlobs(filepath.Join(d.root, "objects"), ".", store.Disk)
	var err error
	d.staging, err = disk.NewStaging(d.openRoot(d.root), disk.StagingOptions{Blobs: d.local})
	d.ok(err)
	t.Cleanup(func() { d.staging.Close() })
	d.places = service.Places{Node: depotNode, Local: d.local, Objects: map[store.Kind]store.Blobs{store.Disk: d.objects}}
	d.user = d.newUser("alice")
	return d
}

func (d *depot) openDB() {
	path := filepath.Join(d.root, "blinkdrive.db")
	d.ok(sqldb.Migrate(d.Context(), sqldb.SQLite(path)))
	db, err := sqldb.Open(d.Context(), sqldb.Options{Source: sqldb.SQLite(path), Now: d.clock.Now})
	d.ok(err)
	d.Cleanup(func() { db.Close() })
	d.db = db
}

func (d *depot) openRoot(dir string) *os.Root {
	d.ok(os.MkdirAll(dir, 0o700))
	root, err := os.OpenRoot(dir)
	d.ok(err)
	d.Cleanup(func() { root.Close() })
	return root
}

func (d *depot) openBlobs(dir, sub string, kind store.Kind) *disk.Blobs {
	b, err := disk.NewBlobs(d.openRoot(dir), sub, kind, depotNode)
	d.ok(err)
	return b
}

func (d *depot) newUser(name string) store.User {
	u, err := d.db.CreateUser(context.Background(), store.User{Name: name, Quota: 1 << 40, SignupAt: d.clock.Now()})
	d.ok(err)
	return u
}

func (d *depot) ok(err error) {
	d.Helper()
	if err != nil {
		d.Fatal(err)
	}
}

// upload stores data as a file of a user, without a chunk protocol.
func (d *depot) upload(user store.User, name string, data []byte) store.Entry {
	d.Helper()
	ctx := context.Background()
	id := store.NewUploadID(depotNode)
	sums, err := d.staging.Stream(ctx, id, bytes.NewReader(data), 1<<40)
	d.ok(err)
	blob := store.NewBlobName(sums.Digest, id)
	d.ok(d.staging.Publish(ctx, id, blob))
	done, err := d.db.CompleteUploads(ctx, []store.Completion{{Upload: id, User: user.ID, Sums: sums,
		Location: store.LocalLocation(depotNode, blob), Target: d.target, Name: name, When: d.clock.Now()}})
	d.ok(err)
	d.ok(d.staging.Remove(ctx, id))
	return done[0].Entry
}

// file is a file of alice's with random bytes.
func (d *depot) file(size int) (store.Entry, []byte) {
	d.Helper()
	data := randomBytes(size)
	return d.upload(d.user, string(store.NewEntryID())+".bin", data), data
}

func randomBytes(n int) []byte {
	data := make([]byte, n)
	rand.Read(data)
	return data
}

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

func (d *depot) transfers() *service.Transfers {
	return &service.Transfers{Rows: d.db, Contents: d.db, Garbage: d.db, Places: d.places, Queue: d.queue, Now: d.clock.Now,
		Log: quiet(), Metrics: service.NewMetrics(nil), LeaseTime: time.Hour}
}

func (d *depot) downloads() *service.Downloads {
	return &service.Downloads{Entries: d.db, Trees: d.db, Users: d.db, Places: d.places, Spares: d.spares(),
		Secret: []byte("a secret of the drive"), Now: d.clock.Now, Log: quiet(), Metrics: service.NewMetrics(nil)}
}

func (d *depot) spares() *service.Spares {
	return service.NewSpares(service.SpareDeps{Rows: d.db, Contents: d.db, Garbage: d.db, Places: d.places, Target: d.target,
		Queue: d.queue, Now: d.clock.Now, Log: quiet(), Metrics: service.NewMetrics(nil)}, service.SpareOptions{Bandwidth: 1 << 30})
}

func (d *depot) sweeper() *service.Sweeper {
	leader := memory.NewLeader()
	leader.Now = d.clock.Now
	return &service.Sweeper{Uploads: d.db, Keeper: d.db, Tokens: d.db, Rows: d.db, Changes: d.db, Garbage: d.db,
		Contents: d.db, Staging: d.staging, Progress: memory.NewProgress(), Leader: leader,
		Queue: d.queue, Places: d.places, Now: d.clock.Now, Log: quiet(), Metrics: service.NewMetrics(nil)}
}

// sweep lets time pass and sweeps.
func (d *depot) sweep(after time.Duration) {
	d.Helper()
	d.clock.Advance(after)
	d.ok(d.sweeper().Once(context.Background()))
}

func (d *depot) fsck(repair bool) (service.Report, []service.Finding) {
	d.Helper()
	var found []service.Finding
	f := &service.Fsck{Contents: d.db, Rows: d.db, Garbage: d.db, Spares: d.db, Places: d.places, Now: d.clock.Now}
	report, err := f.Run(context.Background(), repair, func(x service.Finding) { found = append(found, x) })
	d.ok(err)
	return report, found
}

func (d *depot) clean() {
	d.Helper()
	if report, found := d.fsck(false); !report.Clean() {
		d.Fatalf("fsck: %+v\n%v", report, found)
	}
}

// reads checks that a file can be downloaded and is whole.
func (d *depot) reads(e store.Entry, want []byte) {
	d.Helper()
	down, err := d.downloads().Open(context.Background(), e.User, service.Ref{ID: e.ID})
	d.ok(err)
	defer down.Close()
	got, err := io.ReadAll(down.Blob)
	if err != nil || !bytes.Equal(got, want) {
		d.Fatalf("downloaded %d bytes of %d, %v", len(got), len(want), err)
	}
}

func (d *depot) content(e store.Entry) store.Content {
	d.Helper()
	c, err := d.db.Content(context.Background(), e.Content.Sums.Digest)
	d.ok(err)
	return c
}

// isAt checks the kind of place that a file is in.
func (d *depot) isAt(e store.Entry, k store.Kind) {
	d.Helper()
	if got := d.content(e).Location.Kind; got != k {
		d.Fatalf("the content is in %s, want %s", got, k)
	}
}

// blobs counts the blobs in a place.
func (d *depot) blobs(b store.Blobs) (n int) {
	d.Helper()
	d.ok(b.List(context.Background(), func(store.BlobInfo) error { n++; return nil }))
	return n
}

// holds checks how many blobs the two places and the garbage list have.
func (d *depot) holds(local, objects, garbage int) {
	d.Helper()
	_, listed, err := d.db.Backlog(context.Background())
	d.ok(err)
	l, o := d.blobs(d.local), d.blobs(d.objects)
	if l != local || o != objects || int(listed) != garbage {
		d.Fatalf("%d local blobs, %d objects, %d garbage; want %d, %d, %d", l, o, listed, local, objects, garbage)
	}
}

func (d *depot) purge(e store.Entry) {
	d.Helper()
	d.ok(d.db.Trash(context.Background(), e.User, e.ID, 0, d.clock.Now()))
	d.ok(d.db.Purge(context.Background(), e.User, e.ID, d.clock.Now()))
}

// path is where a blob of the disk stores lies.
func (d *depot) path(l store.Location) string {
	if l.Kind == store.Local {
		return filepath.Join(d.root, "blobs", l.Name().Key())
	}
	return filepath.Join(d.root, "objects", l.Key)
}

// spoil changes a byte of a blob.
func (d *depot) spoil(l store.Location) {
	d.Helper()
	d.ok(os.Chmod(d.path(l), 0o600))
	f, err := os.OpenFile(d.path(l), os.O_RDWR, 0)
	d.ok(err)
	var b [1]byte
	_, err = f.ReadAt(b[:], 0)
	d.ok(err)
	b[0] ^= 1
	_, err = f.WriteAt(b[:], 0)
	d.ok(errors.Join(err, f.Close()))
}

// blobsWith is a place whose Put can be made to fail, to wait or to be counted.
type blobsWith struct {
	store.Blobs
	put func(ctx context.Context, put func() error) error
}

func (b blobsWith) Put(ctx context.Context, name store.BlobName, src store.Blob, sums store.Sums) error {
	return b.put(ctx, func() error { return b.Blobs.Put(ctx, name, src, sums) })
}

// onPut makes the object store call fn for each Put.
func (d *depot) onPut(fn func(ctx context.Context, put func() error) error) {
	d.places.Objects[store.Disk] = blobsWith{d.objects, fn} // the map is shared with the services that were made
}

// copied is a place whose blobs are not recognised as files on the same disk, so that moving them copies them.
type copied struct{ store.Blobs }

func (b copied) Open(ctx context.Context, name store.BlobName) (store.Blob, error) {
	blob, err := b.Blobs.Open(ctx, name)
	if err != nil {
		return nil, err
	}
	return struct{ store.Blob }{blob}, nil
}

// await waits for something to become true.
func await(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(2 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("waited in vain: %s", what)
}
