package service_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/blinkdrive/blinkdrive/mq"
	"github.com/blinkdrive/blinkdrive/service"
	"github.com/blinkdrive/blinkdrive/store"
	"github.com/blinkdrive/blinkdrive/store/disk"
	"github.com/blinkdrive/blinkdrive/store/storetest"
)

// opened is a place that tells of each blob that is opened.
type opened struct {
	store.Blobs
	open func(store.BlobName) error // an error is that of Open
	wrap func(store.Blob) store.Blob
}

func (o opened) Open(ctx context.Context, name store.BlobName) (store.Blob, error) {
	if err := o.open(name); err != nil {
		return nil, err
	}
	b, err := o.Blobs.Open(ctx, name)
	if err == nil && o.wrap != nil {
		b = o.wrap(b)
	}
	return b, err
}

// A secondNode has a disk that the depot's node reaches over the network.
type secondNode struct {
	d     *depot
	dir   string
	blobs *disk.Blobs
	down  atomic.Bool
	asked atomic.Int64
	busy  func() // called by each open, if set
}

const otherNode = store.NodeID("n2")

func (d *depot) secondNode() *secondNode {
	d.Helper()
	n := &secondNode{d: d, dir: filepath.Join(d.root, "second")}
	var err error
	n.blobs, err = disk.NewBlobs(d.openRoot(n.dir), ".", store.Local, otherNode)
	d.ok(err)
	d.places.Remote = n.open
	return n
}

func (n *secondNode) open(ctx context.Context, node store.NodeID, name store.BlobName) (store.Blob, error) {
	n.asked.Add(1)
	if n.busy != nil {
		n.busy()
	}
	if n.down.Load() || node != otherNode {
		return nil, fmt.Errorf("%w: the node is down", store.ErrUnavailable)
	}
	return n.blobs.Open(ctx, name)
}

// file is a file of alice's that was uploaded at the second node, and not moved since.
func (n *secondNode) file(size int) (store.Entry, []byte) {
	n.d.Helper()
	data := randomBytes(size)
	id := store.NewUploadID(otherNode)
	sums := storetest.SumsOf(data)
	name := store.NewBlobName(sums.Digest, id)
	n.d.ok(os.MkdirAll(filepath.Dir(n.path(name)), 0o700))
	n.d.ok(os.WriteFile(n.path(name), data, 0o600))
	done, err := n.d.db.CompleteUploads(context.Background(), []store.Completion{{Upload: id, User: n.d.user.ID, Sums: sums,
		Location: store.LocalLocation(otherNode, name), Target: n.d.target, Name: string(id), When: n.d.clock.Now()}})
	n.d.ok(err)
	return done[0].Entry, data
}

func (n *secondNode) path(name store.BlobName) string { return filepath.Join(n.dir, name.Key()) }

// sparesOf returns the spares of a file's content.
func (d *depot) sparesOf(e store.Entry) []store.Spare {
	d.Helper()
	spares, err := d.db.SparesOf(context.Background(), e.Content.Sums.Digest)
	d.ok(err)
	return spares
}

// again uploads the bytes of a file once more and returns the spare copy that this leaves, and the entry.
func (d *depot) again(data []byte) (store.Spare, store.Entry) {
	d.Helper()
	e := d.upload(d.user, string(store.NewEntryID()), data)
	spares := d.sparesOf(e)
	if len(spares) == 0 {
		d.Fatal("the upload left no spare copy")
	}
	return spares[len(spares)-1], e
}

// wantSpares fails unless a content has so many spares, and its main blob is at a location.
func (d *depot) wantSpares(e store.Entry, n int, main store.Location) {
	d.Helper()
	if spares := d.sparesOf(e); len(spares) != n {
		d.Fatalf("spares are %+v, want %d", spares, n)
	}
	if c := d.content(e); c.Location != main || c.Status != store.ContentLive {
		d.Fatalf("the content is %+v, want it live at %s", c, main)
	}
}

func (d *depot) gone(l store.Location) {
	d.Helper()
	if _, err := os.Stat(d.path(l)); !errors.Is(err, os.ErrNotExist) {
		d.Fatalf("%s is still there: %v", l, err)
	}
}

// A spare copy is given up once the main copy was read, whatever place that is in.
func TestSpareIsNotNeeded(t *testing.T) {
	t.Parallel()
	for _, moved := range []bool{false, true} {
		d := newDepot(t)
		e, data := d.file(300_000)
		main := e.Content.Location
		if moved {
			d.ok(d.transfers().Handle(t.Context(), e.Content.Sums.Digest))
			d.sweep(time.Hour)
			main = d.content(e).Location
		}
		d.clock.Advance(time.Hour)
		spare, _ := d.again(data)
		d.wantSpares(e, 1, main)
		d.spares().Once(t.Context())
		d.wantSpares(e, 0, main)
		d.gone(spare.Location)
		if c := d.content(e); !c.Verified.Equal(time.UnixMicro(d.clock.Now().UnixMicro()).UTC()) {
			t.Errorf("verified at %v", c.Verified)
		}
		_, garbage, err := d.db.Backlog(t.Context())
		d.ok(err)
		if garbage != 0 {
			t.Errorf("%d garbage rows", garbage)
		}
		d.reads(e, data)
		d.clean()
	}
}

// What the drive is said to hold is not what verified bytes are thrown away for.
func TestSpareTakesThePlaceOfABadBlob(t *testing.T) {
	t.Parallel()
	for what, spoil := range map[string]func(*depot, store.Location){
		"gone":        func(d *depot, l store.Location) { d.ok(os.Remove(d.path(l))) },
		"short":       func(d *depot, l store.Location) { d.ok(os.Truncate(d.path(l), 5)) },
		"other bytes": (*depot).spoil,
		"known to be damaged": func(d *depot, l store.Location) {
			d.ok(d.db.MarkContent(context.Background(), l.Name().Digest(), l, store.ContentDamaged, d.clock.Now()))
		},
	} {
		for _, moved := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, moved: %v", what, moved), func(t *testing.T) {
				t.Parallel()
				d := newDepot(t)
				e, data := d.file(300_000)
				if moved {
					d.ok(d.transfers().Handle(t.Context(), e.Content.Sums.Digest))
					d.sweep(time.Hour)
				}
				main := d.content(e).Location
				spare, other := d.again(data)
				spoil(d, main)
				d.spares().Once(t.Context())
				d.wantSpares(e, 0, spare.Location)
				d.reads(e, data)
				d.reads(other, data)
				d.ok(d.transfers().Handle(t.Context(), e.Content.Sums.Digest)) // the job starts over
				d.isAt(e, store.Disk)
				d.sweep(time.Hour)
				d.holds(0, 1, 0)
				d.gone(main)
				d.reads(e, data)
				d.clean()
			})
		}
	}
}

// A blob on the disk of a node that is down is not trusted: the spare copy is kept until the node is back.
func TestSpareIsKeptWhileANodeIsDown(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	n := d.secondNode()
	e, data := n.file(100_000)
	main := e.Content.Location
	d.again(data)
	n.down.Store(true)
	s := d.spares()
	for range 8 {
		s.Once(t.Context())
		d.wantSpares(e, 1, main)
		sp := d.sparesOf(e)[0]
		wait := sp.Due.Sub(d.clock.Now())
		if wait <= 0 || wait > 10*time.Minute {
			t.Fatalf("attempt %d: the next one in %s", sp.Attempts, wait)
		}
		asked := n.asked.Load()
		s.Once(t.Context())
		if n.asked.Load() != asked {
			t.Fatal("the node is asked again at once")
		}
		d.clock.Advance(wait)
	}
	if sp := d.sparesOf(e)[0]; sp.Attempts != 8 {
		t.Errorf("%d attempts, want 8", sp.Attempts)
	}
	d.sweep(48 * time.Hour) // the sweeper does not take it for an orphan
	d.wantSpares(e, 1, main)
	n.down.Store(false)
	s.Once(t.Context())
	d.wantSpares(e, 0, main)
	d.holds(0, 0, 0)
	d.reads(e, data)
}

// A download finds the spare copy while the node that has the main one is down, and has it take its place.
func TestDownloadReadsTheSpareOfANodeThatIsDown(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	n := d.secondNode()
	e, data := n.file(100_000)
	spare, other := d.again(data)
	n.down.Store(true)
	s := d.spares()
	s.Once(t.Context())
	d.wantSpares(e, 1, e.Content.Location)
	d.reads(e, data)
	d.reads(other, data)
	if sp := d.sparesOf(e)[0]; !sp.Wanted || sp.Due.After(d.clock.Now()) {
		t.Errorf("spare is %+v, want it wanted and due", sp)
	}
	s.Once(t.Context())
	d.wantSpares(e, 0, spare.Location)
	d.reads(e, data)
	due, err := d.db.DueGarbage(t.Context(), store.Local, string(otherNode), d.clock.Now().Add(time.Hour), 10)
	d.ok(err)
	if len(due) != 1 || due[0].Location != e.Content.Location {
		t.Errorf("garbage of the other node: %v", due)
	}
	d.ok(d.transfers().Handle(t.Context(), e.Content.Sums.Digest))
	d.isAt(e, store.Disk)
}

// A download that finds the spare copy while the node is still being asked has it promoted at once.
func TestSpareIsWantedWhileItIsChecked(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	n := d.secondNode()
	e, data := n.file(100_000)
	spare, other := d.again(data)
	n.down.Store(true)
	var asked atomic.Bool // the download asks the node, too
	n.busy = func() {
		if asked.CompareAndSwap(false, true) {
			d.reads(other, data)
		}
	}
	s := d.spares()
	s.Once(t.Context())
	if sp := d.sparesOf(e)[0]; sp.Due.After(d.clock.Now()) {
		t.Errorf("spare is %+v, want it due", sp)
	}
	s.Once(t.Context())
	d.wantSpares(e, 0, spare.Location)
}

// A node that answers is believed only as far as its bytes are right.
func TestSpareTakesThePlaceOfABadBlobOnAnotherNode(t *testing.T) {
	t.Parallel()
	for what, spoil := range map[string]func(path string) error{
		"gone":        os.Remove,
		"short":       func(path string) error { return os.Truncate(path, 5) },
		"other bytes": func(path string) error { return os.WriteFile(path, make([]byte, 100_000), 0o600) },
	} {
		d := newDepot(t)
		n := d.secondNode()
		e, data := n.file(100_000)
		spare, _ := d.again(data)
		d.ok(spoil(n.path(e.Content.Location.Name())))
		d.spares().Once(t.Context())
		d.wantSpares(e, 0, spare.Location)
		d.reads(e, data)
		if t.Failed() {
			t.Fatal(what)
		}
	}
}

// A store that is down is waited for, however often the file is downloaded meanwhile.
func TestSpareStandsInForAStoreThatIsDown(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	e, data := d.file(100_000)
	d.ok(d.transfers().Handle(t.Context(), e.Content.Sums.Digest))
	d.sweep(time.Hour)
	main := d.content(e).Location
	spare, other := d.again(data)
	var down atomic.Bool
	down.Store(true)
	d.places.Objects[store.Disk] = opened{Blobs: d.objects, open: func(store.BlobName) error {
		if down.Load() {
			return store.ErrUnavailable
		}
		return nil
	}}
	s := d.spares()
	for range 5 {
		d.reads(other, data)
		s.Once(t.Context())
		d.wantSpares(e, 1, main)
		d.clock.Advance(10 * time.Minute)
	}
	down.Store(false)
	s.Once(t.Context())
	d.wantSpares(e, 0, main)
	d.gone(spare.Location)
	d.reads(e, data)
}

// A read that breaks off shows nothing.
func TestSpareIsKeptWhenReadingBreaksOff(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	e, data := d.file(2 << 20)
	d.ok(d.transfers().Handle(t.Context(), e.Content.Sums.Digest))
	main := d.content(e).Location
	d.again(data)
	d.places.Objects[store.Disk] = opened{
		Blobs: d.objects, open: func(store.BlobName) error { return nil },
		wrap: func(b store.Blob) store.Blob { return &brokenReader{Blob: b, left: 1 << 20} },
	}
	d.spares().Once(t.Context())
	d.wantSpares(e, 1, main)
	d.places.Objects[store.Disk] = d.objects
	d.clock.Advance(time.Minute)
	d.spares().Once(t.Context())
	d.wantSpares(e, 0, main)
}

// A copy on this disk that cannot be read is replaced by one that can, and one that cannot be read is not given up.
func TestCopiesThatCannotBeRead(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	e, data := d.file(2 << 20)
	main := e.Content.Location
	spare, _ := d.again(data)
	local := d.places.Local
	broken := func(l store.Location) {
		var name store.BlobName
		d.places.Local = opened{
			Blobs: local, open: func(n store.BlobName) error { name = n; return nil },
			wrap: func(b store.Blob) store.Blob {
				if name == l.Name() {
					return &brokenReader{Blob: b, left: 1 << 20}
				}
				return b
			},
		}
	}
	d.spoil(main)
	broken(spare.Location)
	d.spares().Once(t.Context())
	d.wantSpares(e, 1, main)
	d.spoil(main) // it is right again
	d.clock.Advance(time.Minute)
	broken(main)
	d.spares().Once(t.Context())
	d.wantSpares(e, 0, spare.Location)
	d.places.Local = local
	d.reads(e, data)
}

// A brokenReader fails after some bytes.
type brokenReader struct {
	store.Blob
	left int
}

func (r *brokenReader) Read(p []byte) (int, error) {
	if r.left <= 0 {
		return 0, errors.New("test: the line is cut")
	}
	n, err := r.Blob.Read(p[:min(len(p), r.left)])
	r.left -= n
	return n, err
}

// Many spares of one content cost one read, and while the main copy is out of reach one of them is enough.
func TestSeveralSpares(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	n := d.secondNode()
	e, data := n.file(100_000)
	for range 5 {
		d.again(data)
	}
	n.down.Store(true)
	s := d.spares()
	s.Once(t.Context())
	d.wantSpares(e, 1, e.Content.Location)
	d.holds(1, 0, 0)
	for range 3 {
		d.again(data)
	}
	n.down.Store(false)
	d.clock.Advance(time.Hour)
	before := n.asked.Load()
	s.Once(t.Context())
	d.wantSpares(e, 0, e.Content.Location)
	d.holds(0, 0, 0)
	if asked := n.asked.Load() - before; asked != 1 {
		t.Errorf("the main copy was opened %d times", asked)
	}
}

// A spare copy that is not right itself is not put in the place of anything.
func TestSparesThatAreNotRight(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	e, data := d.file(100_000)
	main := e.Content.Location
	bad, _ := d.again(data)
	good, _ := d.again(data)
	d.spoil(bad.Location)
	d.spoil(main)
	d.spares().Once(t.Context())
	d.wantSpares(e, 0, good.Location)
	d.reads(e, data)

	last, _ := d.again(data)
	d.spoil(last.Location)
	d.spoil(good.Location)
	d.spares().Once(t.Context())
	if c := d.content(e); c.Status != store.ContentDamaged || c.Location != good.Location || len(d.sparesOf(e)) != 0 {
		t.Errorf("with all copies bad the content is %+v", c)
	}
	again := d.upload(d.user, "again", data)
	if c := d.content(again); c.Status != store.ContentLive || c.Location == good.Location {
		t.Errorf("after a new upload the content is %+v", c)
	}
	d.reads(e, data)
}

// The main copy moves to the object store while it is read.
func TestMainCopyMovesWhileItIsRead(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	e, data := d.file(100_000)
	d.again(data)
	var once sync.Once
	local := d.places.Local
	d.places.Local = opened{Blobs: d.local, open: func(store.BlobName) error {
		once.Do(func() {
			w := d.transfers()
			w.Places.Local = local
			d.ok(w.Handle(context.Background(), e.Content.Sums.Digest))
		})
		return nil
	}}
	s := d.spares()
	s.Once(t.Context())
	d.isAt(e, store.Disk)
	d.wantSpares(e, 1, d.content(e).Location)
	s.Once(t.Context()) // it is due at once
	d.wantSpares(e, 0, d.content(e).Location)
	d.reads(e, data)
}

// The content is purged: before its spares are looked at, and while the main copy is read.
func TestContentIsPurgedWhileItHasSpares(t *testing.T) {
	t.Parallel()
	for _, meanwhile := range []bool{false, true} {
		for _, bad := range []bool{false, true} {
			d := newDepot(t)
			e, data := d.file(100_000)
			_, other := d.again(data)
			if bad {
				d.spoil(e.Content.Location)
			}
			purge := sync.OnceFunc(func() { d.purge(e); d.purge(other) })
			if !meanwhile {
				purge()
			}
			local := d.places.Local
			d.places.Local = opened{Blobs: local, open: func(store.BlobName) error { purge(); return nil }}
			d.spares().Once(t.Context())
			d.places.Local = local
			_, garbage, err := d.db.Backlog(t.Context())
			d.ok(err)
			if len(d.sparesOf(e)) != 0 || garbage != 2 {
				t.Errorf("meanwhile %v, bad %v: %d garbage rows", meanwhile, bad, garbage)
			}
			d.sweep(time.Hour)
			d.holds(0, 0, 0)
			d.clean()
		}
	}
}

// The process ends at any step: the next one goes on.
func TestSparesAfterACrash(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	e, data := d.file(1 << 20)
	main := e.Content.Location
	spare, _ := d.again(data)

	// While the main copy is read.
	ctx, cancel := context.WithCancel(t.Context())
	local := d.places.Local
	d.places.Local = opened{Blobs: local, open: func(store.BlobName) error { cancel(); return nil }}
	d.spares().Once(ctx)
	d.wantSpares(e, 1, main)
	d.places.Local = local

	// Between the transaction and the removal of the file.
	dropped, err := d.db.ConfirmCopy(t.Context(), e.Content.Sums.Digest, main, []store.Location{spare.Location}, d.clock.Now())
	d.ok(err)
	if len(dropped) != 1 {
		t.Fatalf("dropped %v", dropped)
	}
	d.spares().Once(t.Context())
	d.holds(2, 0, 1)
	d.sweep(time.Hour)
	d.holds(1, 0, 0)

	// Between the promotion and the publication of the transfer.
	spare, _ = d.again(data)
	d.spoil(main)
	d.ok(d.db.PromoteSpare(t.Context(), spare, main, d.target, d.clock.Now()))
	d.spares().Once(t.Context())
	due, err := d.db.DueTransfers(t.Context(), d.clock.Now(), 10)
	d.ok(err)
	if len(due) != 1 || due[0].From != spare.Location {
		t.Errorf("due transfers: %+v", due)
	}
	d.sweep(time.Hour)
	d.holds(1, 0, 0)
	d.reads(e, data)
	d.clean()
}

func TestFsckOfSpares(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	e, data := d.file(1000)
	kept, _ := d.again(data)
	lost, _ := d.again(data)
	d.ok(os.Remove(d.path(lost.Location)))
	for _, repair := range []bool{false, true} {
		report, found := d.fsck(repair)
		if !report.Clean() || len(found) == 0 || found[0].Kind != service.SpareLost || found[0].Of != lost.Location.String() || found[0].Repaired != repair {
			t.Errorf("repair %v: %+v, %v", repair, report, found)
		}
	}
	if left := d.sparesOf(e); len(left) != 1 || left[0].Location != kept.Location {
		t.Errorf("spares are %+v", left)
	}
}

// Run looks when it is woken, and ends.
func TestSparesRun(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	s := d.spares()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- s.Run(ctx) }()
	for range 3 {
		e, data := d.file(1000)
		d.again(data)
		s.Wake()
		await(t, "the spare is given up", func() bool { return len(d.sparesOf(e)) == 0 })
	}
	cancel()
	d.ok(<-ended)
}

// A countedQueue counts what is published.
type countedQueue struct {
	mq.Queue
	published atomic.Int64
}

func (q *countedQueue) Publish(ctx context.Context, m mq.Message) error {
	q.published.Add(1)
	return q.Queue.Publish(ctx, m)
}

// The queue is waited for whether or not the content was stored: else a slow broker would tell.
func TestKnownContentIsPublishedToo(t *testing.T) {
	t.Parallel()
	g := newUploadRig(t)
	q := &countedQueue{Queue: g.uploads.Queue}
	g.uploads.Queue = q
	body := storetest.Bytes(1, testChunk)
	for i, u := range []store.User{g.user, g.addUser("bob")} {
		g.bring(u, body, "a")
		if n := q.published.Load(); n != int64(i+1) {
			t.Errorf("%d messages after %d uploads", n, i+1)
		}
	}
}

// Neither front looks at the other copy before it answers, and both keep the bytes until somebody has.
func TestUploadKeepsItsBytesUntilTheOtherCopyWasRead(t *testing.T) {
	t.Parallel()
	fronts := map[string]func(*uploadRig, store.User, []byte) store.Entry{
		"chunks": func(g *uploadRig, u store.User, body []byte) store.Entry {
			st := g.init(u, body, "b")
			g.put(u, st, body)
			e, err := g.complete(u, st.ID)
			if err != nil {
				g.t.Fatal(err)
			}
			return e
		},
		"form": func(g *uploadRig, u store.User, body []byte) store.Entry {
			f, err := g.uploads.NewForm(g.t.Context(), u, "/", "")
			if err == nil {
				err = f.Add(g.t.Context(), "b", bytes.NewReader(body))
			}
			if err != nil {
				g.t.Fatal(err)
			}
			es, err := f.Commit(g.t.Context())
			if err != nil {
				g.t.Fatal(err)
			}
			return es[0]
		},
	}
	for front, upload := range fronts {
		for what, spoil := range map[string]func(string) error{
			"right": func(string) error { return nil },
			"gone":  os.Remove,
			"short": func(name string) error { return os.Truncate(name, 5) },
		} {
			t.Run(front+" "+what, func(t *testing.T) {
				t.Parallel()
				testKeepsItsBytes(t, upload, spoil, what == "right")
			})
		}
	}
}

func testKeepsItsBytes(t *testing.T, upload func(*uploadRig, store.User, []byte) store.Entry, spoil func(string) error, right bool) {
	g := newUploadRig(t)
	var opens atomic.Int64
	local := opened{Blobs: g.local, open: func(store.BlobName) error { opens.Add(1); return nil }}
	spares := g.spares(local)
	g.uploads.Spares, g.uploads.Local = spares, local
	body := storetest.Bytes(1, 2*testChunk)
	first := g.bring(g.user, body, "a")
	if err := spoil(filepath.Join(g.dir, "blobs", first.Content.Location.Name().Key())); err != nil {
		t.Fatal(err)
	}
	e := upload(g, g.addUser("bob"), body)
	if n := opens.Load(); n != 0 {
		t.Errorf("%d blobs were opened before the answer", n)
	}
	if e.Content.Location != first.Content.Location {
		t.Errorf("the answer is about %s, where the content was at %s", e.Content.Location, first.Content.Location)
	}
	kept, err := g.db.SparesOf(t.Context(), first.Content.Sums.Digest)
	if err != nil || len(kept) != 1 {
		t.Fatalf("spares are %+v, %v", kept, err)
	}
	g.leftNothing()
	spares.Once(t.Context())
	c, err := g.db.Content(t.Context(), first.Content.Sums.Digest)
	if err != nil || c.Status != store.ContentLive || (c.Location == first.Content.Location) != right {
		t.Errorf("the content is %+v, %v", c, err)
	}
	e.Content = c
	g.holds(e, body)
	if n := g.countBlobs(); right && n != 1 {
		t.Errorf("%d blobs are left", n)
	}
}
