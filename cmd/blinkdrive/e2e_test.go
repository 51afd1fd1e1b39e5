//go:build linux

package main_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/blinkdrive/blinkdrive/cmd/internal/testenv"
	"github.com/blinkdrive/blinkdrive/handler/api"
	"github.com/blinkdrive/blinkdrive/handler/client"
)

const password = "correct horse 1"

// patient are options under which a client waits out a restart of the server, and asks again soon.
var patient = client.Options{Retry: client.Retry{Base: 5 * time.Millisecond, Max: 100 * time.Millisecond, Patience: time.Minute}}

// long reports whether the tests that take minutes and gigabytes are wanted.
func long() bool { return os.Getenv("BLINKDRIVE_TEST_LONG") == "1" }

// TestDrive runs the real program, killed and started again at will, with the real client on real files.
func TestDrive(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("builds and runs the program")
	}
	plain := build(t, raceArgs()...)
	t.Run("story", func(t *testing.T) { t.Parallel(); testStory(t, plain) })
	t.Run("killed between the last chunk and complete", func(t *testing.T) { t.Parallel(); testKillBeforeComplete(t, plain) })
	t.Run("power cut", func(t *testing.T) { t.Parallel(); testPowerCut(t, plain) })
	t.Run("bad network", func(t *testing.T) { t.Parallel(); testBadNetwork(t, plain) })
	t.Run("bad moods", func(t *testing.T) { t.Parallel(); testBadMoods(t, plain) })
	t.Run("bad chunk held", func(t *testing.T) { t.Parallel(); testBadChunkHeld(t, plain) })
	t.Run("late hit", func(t *testing.T) { t.Parallel(); testLateHit(t, plain) })
	t.Run("only the digest", func(t *testing.T) { t.Parallel(); testOnlyTheDigest(t, plain) })
	t.Run("completed by fifty at once", func(t *testing.T) { t.Parallel(); testFiftyCompletes(t, plain) })
	t.Run("twins at once", func(t *testing.T) { t.Parallel(); testTwinsAtOnce(t, plain) })
	t.Run("changing file", func(t *testing.T) { t.Parallel(); testChangingFile(t, plain) })
	t.Run("requests of every kind", func(t *testing.T) { t.Parallel(); testClientCalls(t, plain) })
	t.Run("first generation client", func(t *testing.T) { t.Parallel(); testFirstGeneration(t, plain) })
	t.Run("second generation client", func(t *testing.T) { t.Parallel(); testSecondGeneration(t, plain) })
	t.Run("old page", func(t *testing.T) { t.Parallel(); testOldPage(t, plain) })
}

// TestDriveCrashes kills the program at every step of complete and of the transfer.
func TestDriveCrashes(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("builds and runs the program")
	}
	bin := build(t, "-tags", "failpoint")
	for _, step := range steps(t) {
		if slices.Contains(inParts, step) {
			continue // TestWorkers has them
		}
		t.Run(step, func(t *testing.T) { t.Parallel(); testCrash(t, bin, step) })
	}
}

// TestDriveMemory measures. It runs alone so that it measures nothing else.
func TestDriveMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("builds and runs the program")
	}
	testMemory(t, build(t))
}

func build(t *testing.T, args ...string) string {
	t.Helper()
	bin, err := testenv.Build(t.Context(), t.TempDir(), args...)
	if err != nil {
		t.Fatal(err)
	}
	return bin
}

// A world is a data directory with a server that comes and goes.
type world struct {
	t       *testing.T
	setting testenv.Setting
	drive   *testenv.Drive
	log     *log
	place   string // where transfers bring blobs
}

// newWorld makes an empty drive and starts its server, with further environment variables.
func newWorld(t *testing.T, bin string, env ...string) *world {
	t.Helper()
	addr, err := testenv.FreeAddr()
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, log: &log{}, place: "disk"}
	if slices.Contains(env, "BLINKDRIVE_STORE=ceph") {
		w.place = "ceph"
	}
	env = append(env, "BLINKDRIVE_DISK_MIN_FREE=0")
	w.setting = testenv.Setting{Bin: bin, Data: filepath.Join(t.TempDir(), "data"), Addr: addr, Env: env, Log: w.log}
	w.start()
	t.Cleanup(func() {
		w.drive.Kill()
		if t.Failed() {
			t.Logf("the server's log:\n%s", w.log.tail())
		}
	})
	return w
}

// start starts the server with further environment variables for this one run.
func (w *world) start(env ...string) {
	w.t.Helper()
	s := w.setting
	s.Env = append(slices.Clone(s.Env), env...)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(w.t.Context()), time.Minute)
	defer cancel()
	var err error
	if w.drive, err = testenv.Start(ctx, s); err != nil {
		w.t.Fatalf("%v\n%s", err, w.log.tail())
	}
}

// stop ends the server as an operator does.
func (w *world) stop() {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), time.Minute)
	defer cancel()
	if err := w.drive.Stop(ctx); err != nil {
		w.t.Fatalf("SIGTERM: %v", err)
	}
}

// await waits until the server has ended by itself.
func (w *world) await() {
	w.t.Helper()
	select {
	case <-w.drive.Done():
	case <-time.After(time.Minute):
		w.t.Fatal("the server did not come to the step at which it kills itself")
	}
}

// fsck ends the server and has the program look for anything wrong.
func (w *world) fsck() {
	w.t.Helper()
	w.stop()
	if out, err := w.command("fsck"); err != nil {
		w.t.Errorf("fsck: %v\n%s", err, out)
	}
}

// command runs the program once, beside no server.
func (w *world) command(args ...string) (string, error) {
	w.t.Helper()
	cmd := w.setting.Command(w.t.Context(), args...)
	cmd.Stdout, cmd.Stderr = nil, nil
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// user signs somebody up and in.
func (w *world) user(name string) *client.Client {
	w.t.Helper()
	return w.userWith(name, w.drive.URL, patient)
}

func (w *world) userWith(name, url string, o client.Options) *client.Client {
	w.t.Helper()
	c, err := client.New(url, o)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(c.CloseIdleConnections)
	if err := c.Signup(w.t.Context(), name, password); err != nil {
		w.t.Fatal(err)
	}
	if _, err := c.Signin(w.t.Context(), name, password); err != nil {
		w.t.Fatal(err)
	}
	return c
}

// wantFiles checks that the user has exactly these many files, and is charged for so many bytes.
func (w *world) wantFiles(c *client.Client, files int, charged int64) {
	w.t.Helper()
	n := 0
	for e, err := range c.List(w.t.Context(), client.Listing{}) {
		if err != nil {
			w.t.Fatal(err)
		}
		if n++; e.Kind != "file" {
			w.t.Errorf("listed: %+v", e)
		}
	}
	info, err := c.Info(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	if n != files || info.Used != charged || info.Reserved != 0 {
		w.t.Errorf("%d files, %d bytes charged, %d reserved; want %d, %d, 0", n, info.Used, info.Reserved, files, charged)
	}
}

// waitMoved waits until the transfer worker has moved a file's blob to the object store, which after a crash takes as
// long as the lease of the dead worker.
func (w *world) waitMoved(c *client.Client, r client.Ref) {
	w.t.Helper()
	var m api.Meta
	for end := time.Now().Add(2 * time.Minute); time.Now().Before(end); {
		var err error
		if m, err = c.Meta(w.t.Context(), r); err != nil {
			w.t.Fatal(err)
		}
		if m.Location == w.place {
			return
		}
		pause(w.t)
	}
	w.t.Fatalf("the blob was not moved: %+v", m)
}

// pause lets a moment pass between two looks at something that is awaited.
func pause(t *testing.T) {
	select {
	case <-time.After(20 * time.Millisecond):
	case <-t.Context().Done():
	}
}

// wantSame downloads a file, whole and by odd ranges, and compares it.
func (w *world) wantSame(c *client.Client, r client.Ref, want string) {
	w.t.Helper()
	got := filepath.Join(w.t.TempDir(), "got")
	d, err := c.DownloadFile(w.t.Context(), r, got, client.DownloadOptions{})
	if err != nil {
		w.t.Fatal(err)
	}
	same, err := testenv.SameFile(got, want)
	if err != nil {
		w.t.Fatal(err)
	}
	if !same {
		w.t.Errorf("%s: what was downloaded (%d bytes) differs", want, d.Size)
	}
}

// log is what the server writes.
type log struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *log) tail() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	lines := strings.Split(l.buf.String(), "\n")
	return strings.Join(lines[max(0, len(lines)-60):], "\n")
}

// A pattern is a file of any size that needs no disk: its bytes are computed from where they stand.
type pattern struct {
	seed, size int64
}

func (p pattern) ReadAt(b []byte, off int64) (int, error) {
	if off >= p.size {
		return 0, io.EOF
	}
	n := int(min(int64(len(b)), p.size-off))
	for i := 0; i < n; {
		at := off + int64(i)
		if at&7 == 0 && n-i >= 8 {
			binary.LittleEndian.PutUint64(b[i:], p.word(at))
			i += 8
			continue
		}
		b[i] = byte(p.word(at) >> (8 * uint(at&7)))
		i++
	}
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

// word returns the eight bytes around a place: other ones at each place and for each seed.
func (p pattern) word(at int64) uint64 {
	w := uint64(at>>3)*0x9e3779b97f4a7c15 + uint64(p.seed)*0xc2b2ae3d27d4eb4f
	return w ^ w>>29
}

// file writes the pattern to the disk.
func (p pattern) file(t *testing.T) string {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "pattern.bin"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	buf := make([]byte, 1<<20)
	for off := int64(0); off < p.size; off += int64(len(buf)) {
		n, _ := p.ReadAt(buf, off)
		if _, err := f.WriteAt(buf[:n], off); err != nil {
			t.Fatal(err)
		}
	}
	return f.Name()
}

// wantFile compares a file on the disk with the pattern.
func (p pattern) wantFile(t *testing.T, name string) {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	got, want := make([]byte, 1<<20), make([]byte, 1<<20)
	for off := int64(0); ; off += int64(len(got)) {
		n, err := f.ReadAt(got, off)
		m, _ := p.ReadAt(want, off)
		if n != m || !bytes.Equal(got[:n], want[:m]) {
			t.Errorf("%s differs from pattern %d after byte %d", name, p.seed, off)
			return
		}
		if err != nil {
			return // the end of both: the lengths were the same
		}
	}
}
