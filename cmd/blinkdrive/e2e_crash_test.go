//go:build linux

package main_test

import (
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/blinkdrive/blinkdrive/handler/client"
)

var stepCall = regexp.MustCompile(`\.step\("([^"]+)"\)`)

// steps finds the names of all steps at which the services can be killed.
func steps(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("../../service/*.go")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range files {
		if strings.HasSuffix(f, "_test.go") {
			continue
		}
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range stepCall.FindAllSubmatch(b, -1) {
			names = append(names, string(m[1]))
		}
	}
	if len(names) < 6 {
		t.Fatalf("found only the steps %v", names)
	}
	return names
}

// inParts are the steps that only an object store knows which takes blobs in parts.
var inParts = []string{"transfer.multipart", "transfer.begun"}

// testCrash has the server kill itself at a step, starts it again, and repeats the call.
func testCrash(t *testing.T, bin, step string) {
	w := newWorld(t, bin, "BLINKDRIVE_TRANSFER_LEASE=2s") // so long a dead worker's job rests
	c := w.user("alice")
	p := pattern{3, 5*mib + 17}
	if long() && step == "complete.published" {
		p.size = 1024 * mib
	}
	w.stop()
	w.start("BLINKDRIVE_FAILPOINT=" + step)
	if strings.HasPrefix(step, "form.") {
		w.crashForm(c, p)
		return
	}
	unblock := func() {}
	if step == "transfer.released" {
		unblock = w.blockObjects(p.digest(t))
	}
	req := chunksOnly(t, c, p, "a.bin")
	once, err := client.New(w.drive.URL, client.Options{Token: c.Token(), Retry: client.Retry{Patience: -1}})
	if err != nil {
		t.Fatal(err)
	}
	defer once.CloseIdleConnections()
	if _, err := once.Complete(t.Context(), req); err != nil {
		t.Logf("complete, its server killed: %v", err)
	}
	w.await()
	unblock()
	w.start()
	first, err := c.Complete(t.Context(), req)
	if err != nil {
		t.Fatalf("complete again: %v", err)
	}
	second, err := c.Complete(t.Context(), req)
	if err != nil || second.ID != first.ID {
		t.Fatalf("complete once more: %+v, %v; want the entry %s", second, err, first.ID)
	}
	w.wantFiles(c, 1, p.size)
	w.waitMoved(c, client.ByID(first.ID))
	w.wantFiles(c, 1, p.size)
	w.wantSame(c, client.ByID(first.ID), p.file(t))
	w.fsck()
}

// crashForm sends a file as a form to a server that kills itself at a step of it, and then once more.
func (w *world) crashForm(c *client.Client, p pattern) {
	w.t.Helper()
	for _, crash := range []bool{true, false} {
		file := client.FormFile{Name: "a.bin", Content: io.NewSectionReader(p, 0, p.size)}
		_, err := c.UploadForm(w.t.Context(), "", file)
		if (err != nil) != crash {
			w.t.Fatalf("form, its server killed: %v; error: %v", crash, err)
		}
		if crash {
			w.await()
			w.start()
		}
	}
	w.wantFiles(c, 1, p.size)
	w.waitMoved(c, client.ByDigest(p.digest(w.t)))
	w.wantSame(c, client.ByDigest(p.digest(w.t)), p.file(w.t))
	w.stop()
	// A form leaves no row by which its blob could be found again: after a crash it is an orphan, which the sweeper
	// removes after a day, and this at once.
	if out, err := w.command("fsck", "--repair"); err != nil {
		w.t.Errorf("fsck --repair: %v\n%s", err, out)
	}
	if out, err := w.command("fsck"); err != nil {
		w.t.Errorf("fsck after the repair: %v\n%s", err, out)
	}
}

// blockObjects has the object store fail for one content, until the function is called that it returns.
func (w *world) blockObjects(digest string) func() {
	w.t.Helper()
	dir := filepath.Join(w.setting.Data, "objects", digest[:2])
	if err := os.WriteFile(dir, nil, 0o600); err != nil {
		w.t.Fatal(err)
	}
	return func() {
		if err := os.Remove(dir); err != nil {
			w.t.Fatal(err)
		}
	}
}
