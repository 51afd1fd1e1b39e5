//go:build linux

package main_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/blinkdrive/blinkdrive/cmd/internal/testenv"
	"github.com/blinkdrive/blinkdrive/handler/api"
	"github.com/blinkdrive/blinkdrive/handler/client"
)

const mib = 1 << 20

// realFile is an archive of the Go toolchain's own programs.
func realFile(t *testing.T, limit int64) (name string, size int64) {
	t.Helper()
	root, err := testenv.GoRoot()
	if err != nil {
		t.Fatal(err)
	}
	name = filepath.Join(t.TempDir(), "toolchain.tar")
	size, err = testenv.Archive(name, limit, filepath.Join(root, "pkg", "tool"), filepath.Join(root, "bin"))
	if err != nil {
		t.Fatal(err)
	}
	return name, size
}

// A gate is a source that stops its readers at certain numbers of bytes sent, until it is opened again: so a kill happens
// in the middle of the chunks on the fastest machine, too.
type gate struct {
	src     io.ReaderAt
	armed   atomic.Bool
	sent    atomic.Int64
	stops   []int64
	next    atomic.Int32
	reached chan struct{}
	open    chan struct{}
}

func newGate(src io.ReaderAt, stops ...int64) *gate {
	return &gate{src: src, stops: stops, reached: make(chan struct{}), open: make(chan struct{})}
}

// watch arms the gate when the hashing is over.
func (g *gate) watch(e client.Event) {
	if e.Stage == client.StageSending {
		g.armed.Store(true)
	}
}

func (g *gate) ReadAt(p []byte, off int64) (int, error) {
	if g.armed.Load() {
		sent := g.sent.Add(int64(len(p)))
		if n := g.next.Load(); int(n) < len(g.stops) && sent >= g.stops[n] && g.next.CompareAndSwap(n, n+1) {
			g.reached <- struct{}{}
			<-g.open
		}
	}
	return g.src.ReadAt(p, off)
}

// A witness is a transport that sees which chunks were acknowledged, and which of those are sent once more.
type witness struct {
	next  http.RoundTripper
	mu    sync.Mutex
	acked map[string]bool
	again []string
}

func newWitness() *witness {
	tr := http.DefaultTransport.(*http.Transport).Clone()
	tr.MaxIdleConnsPerHost = 8
	return &witness{next: tr, acked: map[string]bool{}}
}

func (w *witness) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Path != "/file/mpupload/uppart" {
		return w.next.RoundTrip(r)
	}
	chunk := r.URL.Query().Get("uploadid") + " " + r.URL.Query().Get("index")
	w.see(chunk, false)
	resp, err := w.next.RoundTrip(r)
	if err == nil && resp.StatusCode == http.StatusOK {
		w.see(chunk, true)
	}
	return resp, err
}

func (w *witness) see(chunk string, ack bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if ack {
		w.acked[chunk] = true
	} else if w.acked[chunk] {
		w.again = append(w.again, chunk)
	}
}

func (w *witness) options() client.Options {
	o := patient
	o.HTTP = &http.Client{Transport: w}
	return o
}

// testStory is the main job, start to finish.
func testStory(t *testing.T, bin string, env ...string) {
	name, size := realFile(t, 64*mib)
	if long() {
		size = 1 << 30
		name = pattern{1, size}.file(t)
	}
	w := newWorld(t, bin, env...)
	eyes := newWitness()
	alice := w.userWith("alice", w.drive.URL, eyes.options())
	res := uploadThroughKills(t, w, alice, name, size)
	if len(eyes.again) > 0 {
		t.Errorf("acknowledged chunks were sent again: %v", eyes.again)
	}
	const kills, parallel = 2, 4
	if most := size + (kills+1)*parallel*mib; res.BytesSent > most || res.BytesSent < size {
		t.Errorf("sent %d bytes of a file of %d; at most %d were to be expected", res.BytesSent, size, most)
	}
	w.wantFiles(alice, 1, size)

	bob, got := w.instantly(name, size)
	for _, c := range []*client.Client{alice, bob} {
		w.wantSame(c, client.ByDigest(res.Digest), name)
	}
	w.waitMoved(alice, client.ByDigest(res.Digest))
	w.wantSame(bob, client.ByID(got.Meta.ID), name)
	w.wantRanges(bob, got.Meta, name)
	w.fsck()
}

// instantly has somebody else upload the same file, and returns who. A proof that an object store on a busy machine cannot
// give in time is a miss, which is no fault: then the next one tries.
func (w *world) instantly(name string, size int64) (*client.Client, client.Result) {
	w.t.Helper()
	o := patient
	o.HeadStart = time.Second // what turns instant in mid-flight is another test's
	for i := range 5 {
		c := w.userWith(fmt.Sprint("bob", i), w.drive.URL, o)
		got, err := c.UploadFile(w.t.Context(), name, client.UploadOptions{})
		if err != nil {
			w.t.Fatalf("the second user's upload: %+v, %v", got, err)
		}
		if got.Instant && got.BytesSent == 0 && got.BytesSaved == size {
			return c, got
		}
		if w.place == "disk" {
			w.t.Fatalf("the second user's upload was not instant: %+v", got)
		}
	}
	w.t.Fatal("no upload of a second user was instant")
	return nil, client.Result{}
}

// uploadThroughKills uploads a file while the server is killed twice.
func uploadThroughKills(t *testing.T, w *world, c *client.Client, name string, size int64) client.Result {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	g := newGate(f, size/4, size*2/3)
	type outcome struct {
		res client.Result
		err error
	}
	done := make(chan outcome, 1)
	go func() {
		o := client.UploadOptions{Target: client.Target{Name: "story.bin"}, ChunkSize: mib, Progress: g.watch}
		res, err := c.Upload(t.Context(), g, size, o)
		done <- outcome{res, err}
	}()
	for range g.stops {
		select {
		case <-g.reached:
		case o := <-done:
			t.Fatalf("the upload ended before the kill: %+v, %v", o.res, o.err)
		}
		w.drive.Kill()
		g.open <- struct{}{}
		w.start()
	}
	o := <-done
	if o.err != nil {
		t.Fatalf("%v (so far %+v)", o.err, o.res)
	}
	return o.res
}

// wantRanges compares odd ranges with the file, by a signed link that needs no token.
func (w *world) wantRanges(c *client.Client, m api.Meta, name string) {
	w.t.Helper()
	link, err := c.DownloadURL(w.t.Context(), client.ByID(m.ID))
	if err != nil {
		w.t.Fatal(err)
	}
	want, err := os.Open(name)
	if err != nil {
		w.t.Fatal(err)
	}
	defer want.Close()
	for _, r := range [][2]int64{{0, 0}, {1, 4096}, {m.FileSize / 2, m.FileSize/2 + 100_000}, {m.FileSize - 1, m.FileSize - 1}} {
		b := make([]byte, r[1]-r[0]+1)
		if _, err := want.ReadAt(b, r[0]); err != nil {
			w.t.Fatal(err)
		}
		status, got := w.getRange(link, fmt.Sprintf("bytes=%d-%d", r[0], r[1]))
		if status != http.StatusPartialContent || string(got) != string(b) {
			w.t.Errorf("bytes %d-%d: status %d, %d bytes that differ", r[0], r[1], status, len(got))
		}
	}
}

func (w *world) getRange(url, span string) (int, []byte) {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), http.MethodGet, url, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("Range", span)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return resp.StatusCode, b
}

// chunksOnly opens an upload and sends all its chunks.
func chunksOnly(t *testing.T, c *client.Client, p pattern, name string) client.CompleteRequest {
	t.Helper()
	digest, in := initUpload(t, c, p, name)
	for i := 1; i <= in.ChunkCount; i++ {
		putChunk(t, c, in, p, i)
	}
	return client.CompleteRequest{Target: client.Target{Name: name}, UploadID: in.UploadID, Digest: digest, Size: p.size}
}

func initUpload(t *testing.T, c *client.Client, p pattern, name string) (string, api.Init) {
	t.Helper()
	digest := p.digest(t)
	in, err := c.Init(t.Context(), client.InitRequest{
		Target: client.Target{Name: name}, Digest: digest, Size: p.size, ChunkSize: mib,
	})
	if err != nil {
		t.Fatal(err)
	}
	return digest, in
}

func putChunk(t *testing.T, c *client.Client, in api.Init, p pattern, i int) {
	t.Helper()
	off := int64(i-1) * in.ChunkSize
	if err := c.PutChunk(t.Context(), in.UploadID, i, p, off, min(in.ChunkSize, p.size-off), ""); err != nil {
		t.Fatal(err)
	}
}

func testKillBeforeComplete(t *testing.T, bin string) {
	w := newWorld(t, bin)
	c := w.user("alice")
	p := pattern{2, 64 * mib}
	if long() {
		p.size = 1 << 30
	}
	chunksOnly(t, c, p, "a.bin")
	w.drive.Kill()
	w.start()
	res, err := c.Upload(t.Context(), p, p.size, client.UploadOptions{Target: client.Target{Name: "a.bin"}, NoInstant: true})
	if err != nil || res.BytesSent != 0 || res.BytesSaved != p.size || res.Instant {
		t.Fatalf("after the restart: %+v, %v", res, err)
	}
	w.wantFiles(c, 1, p.size)
	w.wantSame(c, client.ByID(res.Meta.ID), p.file(t))
	w.fsck()
}

func testFiftyCompletes(t *testing.T, bin string) {
	w := newWorld(t, bin)
	c := w.user("alice")
	p := pattern{4, 20 * mib}
	req := chunksOnly(t, c, p, "a.bin")
	ids := make([]string, 50)
	var wg sync.WaitGroup
	for i := range ids {
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			m, err := c.Complete(ctx, req)
			if err != nil {
				t.Error(err)
			}
			ids[i] = m.ID
		})
	}
	wg.Wait()
	for _, id := range ids {
		if id != ids[0] {
			t.Errorf("entries %s and %s", id, ids[0])
		}
	}
	w.wantFiles(c, 1, p.size)
	w.fsck()
}
