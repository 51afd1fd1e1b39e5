package handler

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/blinkdrive/blinkdrive/handler/api"
	"github.com/blinkdrive/blinkdrive/handler/client"
)

// The typed client speaks of trees as the drive does.
func TestClientWorksOnTrees(t *testing.T) {
	t.Parallel()
	d := newDrive(t, nil)
	p := d.join("alice")
	c, err := client.New(d.url, client.Options{Token: p.token})
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	docs := d.folder(p, "/docs")
	for i := range 5 {
		d.put(p, docs, fmt.Sprintf("Picture %d.png", i), pngOf(t, 20+i, 20))
	}
	m, err := c.Copy(ctx, client.ByID(string(docs)), client.CopyTarget{Folder: "/new", Name: "copy"})
	if err != nil || m.Path != "/new/copy" || m.Entries != 6 {
		t.Fatalf("%+v, %v", m, err)
	}
	if _, err := c.Copy(ctx, client.ByID(string(docs)), client.CopyTarget{Folder: "/new", Name: "copy", Conflict: "fail"}); !client.IsCode(err, api.NameTaken) {
		t.Errorf("taken: %v", err)
	}
	n := 0
	for e, err := range c.Search(ctx, client.Searching{Text: "PICTURE", Path: "/new", Sort: "newest", Page: 2}) {
		if err != nil {
			t.Fatal(err)
		}
		small, err := c.Thumbnail(ctx, client.ByID(e.ID), 128)
		if err != nil || len(small) == 0 {
			t.Errorf("thumbnail: %d bytes, %v", len(small), err)
		}
		n++
	}
	if n != 5 {
		t.Errorf("found %d", n)
	}
	var archive bytes.Buffer
	size, err := c.Zip(ctx, &archive, string(docs), m.ID)
	if err != nil || size != int64(archive.Len()) {
		t.Fatalf("%d bytes, %v", size, err)
	}
	z, err := zip.NewReader(bytes.NewReader(archive.Bytes()), size)
	if err != nil || len(z.File) != 12 {
		t.Fatalf("zip: %v", err)
	}
	if _, err := c.Zip(ctx, &archive, "x,y"); !client.IsCode(err, api.InvalidParam) {
		t.Errorf("bad ids: %v", err)
	}
}

// A cutWriter breaks the connection after some bytes of an answer.
type cutWriter struct {
	http.ResponseWriter
	left int
}

func (w *cutWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *cutWriter) Write(p []byte) (int, error) {
	if len(p) < w.left {
		w.left -= len(p)
		return w.ResponseWriter.Write(p)
	}
	_, _ = w.ResponseWriter.Write(p[:w.left])
	_ = http.NewResponseController(w.ResponseWriter).Flush()
	panic(http.ErrAbortHandler)
}

// The client resumes a zip that was cut, and does not put together one of two states.
func TestClientResumesZip(t *testing.T) {
	t.Parallel()
	d := newDrive(t, nil)
	p := d.join("alice")
	docs := d.zippedTree(p)
	var requests atomic.Int64
	h := d.Handler()
	var changes atomic.Bool
	ts := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch n := requests.Add(1); {
		case n < 4:
			h.ServeHTTP(&cutWriter{w, 50_000}, r)
		case changes.Load():
			d.put(p, docs, "another", "another")
			fallthrough
		default:
			h.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(ts.Close)
	c, err := client.New(ts.URL, client.Options{Token: p.token, Retry: client.Retry{Base: time.Millisecond}})
	if err != nil {
		t.Fatal(err)
	}
	var archive bytes.Buffer
	size, err := c.Zip(t.Context(), &archive, string(docs))
	if err != nil || size != int64(archive.Len()) || requests.Load() != 4 {
		t.Errorf("%d bytes with %d requests, %v", size, requests.Load(), err)
	}
	if want := d.get("/file/zip", values("id", string(docs)), p.bearer()); !bytes.Equal(archive.Bytes(), want.body) {
		t.Errorf("%d other bytes, want %d", archive.Len(), len(want.body))
	}
	requests.Store(0)
	changes.Store(true)
	if _, err := c.Zip(t.Context(), io.Discard, string(docs)); !errors.Is(err, client.ErrChanged) {
		t.Errorf("after a change: %v", err)
	}
}

// More entries than a URL should name are in a form.
func TestClientZipsManyEntries(t *testing.T) {
	t.Parallel()
	d := newDrive(t, nil)
	p := d.join("alice")
	c, err := client.New(d.url, client.Options{Token: p.token})
	if err != nil {
		t.Fatal(err)
	}
	ids := make([]string, 101)
	for i := range ids {
		ids[i] = string(d.folder(p, fmt.Sprint("/f", i)))
	}
	var archive bytes.Buffer
	size, err := c.Zip(t.Context(), &archive, ids...)
	if err != nil {
		t.Fatal(err)
	}
	if z, err := zip.NewReader(bytes.NewReader(archive.Bytes()), size); err != nil || len(z.File) != len(ids) {
		t.Errorf("zip: %v", err)
	}
}
