package handler

import (
	"archive/zip"
	"bytes"
	"fmt"
	"testing"

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
