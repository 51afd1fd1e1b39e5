//go:build linux

package main_test

import (
	"bytes"
	"crypto/sha1"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/blinkdrive/blinkdrive/cmd/internal/testenv"
	"github.com/blinkdrive/blinkdrive/handler/api"
	"github.com/blinkdrive/blinkdrive/handler/client"
)

// digest returns the pattern's SHA-1 in hexadecimal.
func (p pattern) digest(t *testing.T) string {
	t.Helper()
	h := sha1.New()
	if _, err := io.Copy(h, io.NewSectionReader(p, 0, p.size)); err != nil {
		t.Fatal(err)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// testPowerCut takes bytes away that were acknowledged but not synced, as a power cut does.
func testPowerCut(t *testing.T, bin string) {
	w := newWorld(t, bin)
	c := w.user("alice")
	p := pattern{5, 8*mib + 100}
	req := chunksOnly(t, c, p, "a.bin")
	w.drive.Kill()
	dir := filepath.Join(w.setting.Data, "staging", req.UploadID)
	punch(t, filepath.Join(dir, "data"), 2*mib+8192, 4096)
	rewriteJournal(t, filepath.Join(dir, "chunks"))
	w.start()

	_, err := c.Complete(t.Context(), req)
	e, ok := errors.AsType[*client.Error](err)
	if !ok || e.Code != api.ChunksMissing || e.Status != 409 || !slices.Equal(e.Missing, []int{3}) {
		t.Fatalf("complete after the power cut: %v; want chunk 3 to be missing", err)
	}
	res, err := c.Upload(t.Context(), p, p.size, client.UploadOptions{Target: req.Target, NoInstant: true})
	if err != nil || res.BytesSent != mib || res.UploadID != req.UploadID {
		t.Fatalf("upload: %+v, %v; want one chunk to be sent", res, err)
	}
	w.wantFiles(c, 1, p.size)
	w.wantSame(c, client.ByID(res.Meta.ID), p.file(t))
	w.fsck()
}

// punch makes a hole.
func punch(t *testing.T, name string, off, length int64) {
	t.Helper()
	f, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	const keepSize, punchHole = 1, 2
	if err := syscall.Fallocate(int(f.Fd()), keepSize|punchHole, off, length); err != nil {
		t.Fatal(err)
	}
}

// rewriteJournal has an upload's journal tell of another boot and of nothing synced. The form of its records is told in
// store/disk.
func rewriteJournal(t *testing.T, name string) {
	t.Helper()
	const boot, synced, head = 1, 5, 7
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var out []byte
	boots := 0
	for len(b) >= head {
		n := head + int(binary.LittleEndian.Uint16(b[5:]))
		if n > len(b) {
			break
		}
		rec := bytes.Clone(b[:n])
		b = b[n:]
		switch rec[4] {
		case synced:
			continue
		case boot:
			boots++
			slices.Reverse(rec[head:])
			binary.LittleEndian.PutUint32(rec, crc32.Checksum(rec[4:], crc32.MakeTable(crc32.Castagnoli)))
		}
		out = append(out, rec...)
	}
	if boots == 0 {
		t.Fatal("the journal tells of no boot")
	}
	if err := os.WriteFile(name, out, 0o600); err != nil {
		t.Fatal(err)
	}
}

// testBadNetwork uploads and downloads over connections that break again and again.
func testBadNetwork(t *testing.T, bin string) {
	w := newWorld(t, bin)
	proxy, err := testenv.NewFaultProxy(w.setting.Addr)
	if err != nil {
		t.Fatal(err)
	}
	defer proxy.Close()
	eyes := newWitness()
	c := w.userWith("alice", proxy.URL(), eyes.options())
	cut := func() int64 { return rand.Int64N(4 * mib) }
	proxy.Fail(cut, cut)
	p := pattern{6, 40*mib + 3}
	res, err := c.Upload(t.Context(), p, p.size, client.UploadOptions{Target: client.Target{Name: "a.bin"}, ChunkSize: mib})
	if err != nil {
		t.Fatalf("upload: %+v, %v", res, err)
	}
	if res.Meta.FileSha1 != p.digest(t) || len(eyes.again) > 0 {
		t.Errorf("stored %+v; acknowledged and sent again: %v", res.Meta, eyes.again)
	}
	if proxy.Cuts() == 0 {
		t.Error("no connection was cut")
	}
	cuts := proxy.Cuts()
	w.wantFiles(c, 1, p.size)
	w.wantSame(c, client.ByID(res.Meta.ID), p.file(t))
	if proxy.Cuts() == cuts {
		t.Error("no connection was cut while downloading")
	}
	w.fsck()
}

// A fickle source changes when its reader has read it once.
type fickle struct {
	pattern
	read atomic.Int64
}

func (f *fickle) ReadAt(b []byte, off int64) (int, error) {
	n, err := f.pattern.ReadAt(b, off)
	if f.read.Add(int64(n)) > f.size {
		b[n-1] ^= 1
	}
	return n, err
}

func testChangingFile(t *testing.T, bin string) {
	w := newWorld(t, bin)
	c := w.user("alice")
	for _, chunk := range []int64{mib, 300_000} {
		f := &fickle{pattern: pattern{chunk, 3*mib + 5}}
		_, err := c.Upload(t.Context(), f, f.size, client.UploadOptions{Target: client.Target{Name: "a"}, ChunkSize: chunk, NoInstant: true})
		if !errors.Is(err, client.ErrChanged) {
			t.Errorf("a file that changes: %v, want ErrChanged", err)
		}
	}
	left, err := c.Uploads(t.Context())
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %+v, %v", left, err)
	}
	w.wantFiles(c, 0, 0)
	w.fsck()
}
