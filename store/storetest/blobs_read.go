package storetest

import (
	"bytes"
	"errors"
	"io"
	"sync"
	"testing"

	"github.com/blinkdrive/blinkdrive/store"
)

func blobReadAnywhere(t *testing.T, b store.Blobs) {
	p := Bytes(7, 300_001)
	name := blobName(p)
	if err := b.Put(t.Context(), name, Source(p), SumsOf(p)); err != nil {
		t.Fatal(err)
	}
	f, err := b.Open(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	readsBySeek(t, f, p)
	readsAtOnce(t, f, p)
}

func readsBySeek(t *testing.T, f store.Blob, p []byte) {
	t.Helper()
	for _, c := range []struct {
		offset int64
		whence int
		at, n  int
	}{
		{0, io.SeekStart, 0, 10},
		{0, io.SeekCurrent, 10, 10},
		{100, io.SeekCurrent, 120, 1000},
		{-1120, io.SeekCurrent, 0, 1},
		{-5, io.SeekEnd, len(p) - 5, 5},
		{1 << 17, io.SeekStart, 1 << 17, 1 << 17},
	} {
		at, err := f.Seek(c.offset, c.whence)
		if err != nil || at != int64(c.at) {
			t.Fatalf("seek %d from %d: at %d, %v; want %d", c.offset, c.whence, at, err, c.at)
		}
		got := make([]byte, c.n)
		if _, err := io.ReadFull(f, got); err != nil || !bytes.Equal(got, p[c.at:c.at+c.n]) {
			t.Fatalf("read %d at %d: %v", c.n, c.at, err)
		}
	}
	if _, err := f.Seek(-1, io.SeekStart); err == nil {
		t.Error("a seek before the start succeeded")
	}
	if at, err := f.Seek(10, io.SeekEnd); err != nil || at != int64(len(p)+10) {
		t.Errorf("seek beyond the end: %d, %v", at, err)
	}
	if n, err := f.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		t.Errorf("read beyond the end: %d, %v; want EOF", n, err)
	}
}

// readsAtOnce reads ranges from several goroutines, while one reads on.
func readsAtOnce(t *testing.T, f store.Blob, p []byte) {
	t.Helper()
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			for off := i * 1000; off < len(p); off += 70_000 {
				got := make([]byte, 9000)
				n, err := f.ReadAt(got, int64(off))
				want := p[off:min(len(p), off+len(got))]
				if !bytes.Equal(got[:n], want) || (err != nil) != (n < len(got)) || err != nil && err != io.EOF {
					t.Errorf("read 9000 at %d: %d bytes, %v", off, n, err)
				}
			}
		})
	}
	if got, err := io.ReadAll(f); err != nil || !bytes.Equal(got, p) {
		t.Errorf("read %d bytes in the meantime: %v", len(got), err)
	}
	all.Wait()
	if _, err := f.ReadAt(make([]byte, 1), int64(len(p))); !errors.Is(err, io.EOF) {
		t.Errorf("read at the end: %v, want EOF", err)
	}
	if _, err := f.ReadAt(make([]byte, 1), -1); err == nil {
		t.Error("read before the start")
	}
}
