//go:build linux

package main_test

import (
	"fmt"
	"io"
	"sync"
	"testing"

	"github.com/blinkdrive/blinkdrive/handler/client"
)

// testMemory uploads and downloads much at once, and looks at what the server needed for it.
func testMemory(t *testing.T, bin string) {
	const many, first = 20, 2
	size := int64(16 * mib)
	if long() {
		size = 1 << 30
	}
	w := newWorld(t, bin, fmt.Sprintf("BLINKDRIVE_QUOTA_DEFAULT=%d", 2*many*size))
	c := w.user("alice")
	before := w.diskWritten()
	var ids [first]string
	each(first, func(i int) { ids[i] = memoryUpload(t, c, pattern{100 + int64(i), size}) })
	each(2*many, func(i int) {
		if i < many {
			memoryUpload(t, c, pattern{200 + int64(i), size})
		} else {
			memoryDownload(t, c, ids[i%first])
		}
	})
	if t.Failed() {
		return
	}
	w.waitAllMoved(c)
	peak, err := w.drive.PeakMemory()
	if err != nil {
		t.Fatal(err)
	}
	uploaded := (first + many) * size
	written := w.diskWritten() - before
	t.Logf("peak %d MiB; %d bytes written for %d uploaded: %.4f", peak/mib, written, uploaded, float64(written)/float64(uploaded))
	if peak > 150*mib {
		t.Errorf("peak resident memory is %d MiB, more than 150", peak/mib)
	}
	if float64(written) > 1.05*float64(uploaded) {
		t.Errorf("%d bytes were written for %d uploaded, more than 1.05 of them", written, uploaded)
	}
}

func each(n int, fn func(i int)) {
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { fn(i) })
	}
	wg.Wait()
}

func memoryUpload(t *testing.T, c *client.Client, p pattern) string {
	o := client.UploadOptions{Target: client.Target{Name: fmt.Sprint(p.seed)}, NoInstant: true}
	res, err := c.Upload(t.Context(), p, p.size, o)
	if err != nil {
		t.Errorf("upload %d: %v", p.seed, err)
	}
	return res.Meta.ID
}

func memoryDownload(t *testing.T, c *client.Client, id string) {
	r, err := c.Open(t.Context(), client.ByID(id))
	if err != nil {
		t.Error(err)
		return
	}
	defer r.Close()
	if _, err := io.Copy(io.Discard, r); err != nil { // it verifies
		t.Error(err)
	}
}

func (w *world) diskWritten() int64 {
	w.t.Helper()
	n, err := w.drive.DiskWritten()
	if err != nil {
		w.t.Fatal(err)
	}
	return n
}

func (w *world) waitAllMoved(c *client.Client) {
	w.t.Helper()
	for e, err := range c.List(w.t.Context(), client.Listing{}) {
		if err != nil {
			w.t.Fatal(err)
		}
		w.waitMoved(c, client.ByID(e.ID))
	}
}
