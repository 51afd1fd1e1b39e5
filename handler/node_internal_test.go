package handler

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/blinkdrive/blinkdrive/handler/api"
	"github.com/blinkdrive/blinkdrive/handler/client"
	"github.com/blinkdrive/blinkdrive/service"
	"github.com/blinkdrive/blinkdrive/store"
)

var nodeSecret = []byte("the drive's own")

func newNodeDrive(t *testing.T) *drive {
	return newDrive(t, func(s *Server) { s.Secret = nodeSecret })
}

// signed signs a request as a process of the drive does.
func (d *drive) signed(r *http.Request) {
	req := api.NodeRequest{Method: r.Method, Path: r.URL.Path, Query: r.URL.RawQuery, Node: string(testNode)}
	r.Header.Set("Authorization", api.NewNodeKey(nodeSecret).Sign(req, d.clock.now()))
}

func blobQuery(e store.Entry) url.Values { return values("name", string(e.Content.Location.Name())) }

func TestNodeBlob(t *testing.T) {
	t.Parallel()
	d := newNodeDrive(t)
	e := d.put(d.join("alice"), "", "a.bin", story)
	for _, method := range []string{"GET", "HEAD"} {
		a := d.send(method, api.NodeBlobPath, blobQuery(e), nil, d.signed)
		if a.status != 200 || a.header.Get("Content-Length") != "27" || a.header.Get("Cache-Control") != "no-store" ||
			method == "GET" && string(a.body) != story {
			t.Errorf("%s: %d, %v, %q", method, a.status, a.header, a.body)
		}
	}
	a := d.get(api.NodeBlobPath, blobQuery(e), d.signed, header("Range", "bytes=11-14"))
	if a.status != 206 || string(a.body) != "once" || a.header.Get("Content-Range") != "bytes 11-14/27" {
		t.Errorf("range: %d, %q", a.status, a.body)
	}
	gone := store.NewBlobName(store.EmptyDigest, store.NewUploadID(testNode))
	d.get(api.NodeBlobPath, values("name", string(gone)), d.signed).want(t, 404, api.NotFound)
	for _, name := range []string{"", "x", "../../blinkdrive.db", string(gone) + "/..", strings.ToUpper(string(gone))} {
		d.get(api.NodeBlobPath, values("name", name), d.signed).want(t, 400, api.InvalidParam)
	}
	d.post(api.NodeBlobPath, blobQuery(e), d.signed).want(t, 405, api.WrongMethod)
}

// Whoever cannot sign learns nothing: the answer is that of a page that is not there, to the last byte.
func TestNodeBlobIsHidden(t *testing.T) {
	t.Parallel()
	d := newNodeDrive(t)
	p := d.join("alice")
	e := d.put(p, "", "a.bin", story)
	sign := func(node store.NodeID, secret []byte, at time.Duration) tweak {
		return func(r *http.Request) {
			req := api.NodeRequest{Method: r.Method, Path: r.URL.Path, Query: r.URL.RawQuery, Node: string(node)}
			r.Header.Set("Authorization", api.NewNodeKey(secret).Sign(req, d.clock.now().Add(at)))
		}
	}
	tests := map[string][]tweak{
		"nobody":         nil,
		"user":           {p.bearer()},
		"cookie":         {p.cookie()},
		"old parameters": {func(r *http.Request) { r.URL.RawQuery += "&username=alice&token=" + p.token }},
		"wrong secret":   {sign(testNode, []byte("k"), 0)}, // that of links
		"no secret":      {sign(testNode, nil, 0)},
		"other node":     {sign("n2", nodeSecret, 0)},
		"no node":        {sign("", nodeSecret, 0)},
		"too old":        {sign(testNode, nodeSecret, -6*time.Minute)},
		"too new":        {sign(testNode, nodeSecret, 6*time.Minute)},
		"other blob":     {d.signed, func(r *http.Request) { r.URL.RawQuery += "&x=1" }},
		"other method":   {d.signed, func(r *http.Request) { r.Method = "HEAD" }},
		"post":           {func(r *http.Request) { r.Method = "POST" }},
		"preflight":      {func(r *http.Request) { r.Method = "OPTIONS" }, header("Origin", "https://a.example")},
		"bad query":      {func(r *http.Request) { r.URL.RawQuery = "name=%zz" }},
		"scheme alone":   {header("Authorization", "Blinkdrive-Node")},
	}
	for what, tweaks := range tests {
		a := d.get(api.NodeBlobPath, blobQuery(e), tweaks...)
		b := d.get("/internal/blub", blobQuery(e), tweaks...)
		for _, h := range []http.Header{a.header, b.header} {
			h.Del("Date")
			h.Del(api.HeaderRequestID)
		}
		if a.status != 404 || a.status != b.status || !bytes.Equal(a.body, b.body) {
			t.Errorf("%s: %d, %s; where there is nothing it is %d, %s", what, a.status, a.body, b.status, b.body)
		}
		if diff := cmp.Diff(b.header, a.header); diff != "" {
			t.Errorf("%s: %s", what, diff)
		}
	}
	if strings.Contains(d.logs.String(), "Blinkdrive-Node") {
		t.Error("a signature was logged")
	}
}

// Where no secret is set there is no such route, whatever a request is signed with.
func TestNodeBlobWithoutASecret(t *testing.T) {
	t.Parallel()
	d := newDrive(t, nil)
	e := d.put(d.join("alice"), "", "a.bin", story)
	d.get(api.NodeBlobPath, blobQuery(e), d.signed).want(t, 404, api.NotFound)
	d.get(api.NodeBlobPath, blobQuery(e), func(r *http.Request) {
		req := api.NodeRequest{Method: r.Method, Path: r.URL.Path, Query: r.URL.RawQuery, Node: string(testNode)}
		r.Header.Set("Authorization", api.NewNodeKey(nil).Sign(req, d.clock.now()))
	}).want(t, 404, api.NotFound)
}

// reaching makes the drive at url a node that another process reads from.
func reaching(d *drive) func(ctx context.Context, node store.NodeID, name store.BlobName) (store.Blob, error) {
	blobs := client.NewNodeBlobs(nodeSecret)
	blobs.Pause, blobs.Now = time.Millisecond, d.clock.now
	return func(ctx context.Context, node store.NodeID, name store.BlobName) (store.Blob, error) {
		b, err := blobs.Open(ctx, d.url, string(node), string(name))
		switch {
		case errors.Is(err, client.ErrNoBlob):
			return nil, errors.Join(store.ErrNotFound, err)
		case err != nil:
			return nil, errors.Join(store.ErrUnavailable, err)
		}
		return b, nil
	}
}

// A second process on the same database serves a file that lies on the first one's disk, and 503 while that is down.
func TestDownloadFromAnotherNode(t *testing.T) {
	t.Parallel()
	first := newNodeDrive(t)
	p := first.join("alice")
	content := strings.Repeat(story, 10_000)
	e := first.put(p, "", "a.bin", content)
	second := newDrive(t, func(s *Server) {
		s.Accounts, s.Files = first.Accounts, first.Files
		s.Downloads = &service.Downloads{Entries: first.db, Users: first.db, Secret: []byte("k"), Now: first.clock.now,
			Log: s.Log, Metrics: service.NewMetrics(nil),
			Places: service.Places{Node: "n2", Local: first.local, Remote: reaching(first)}}
	})
	get := func(tweaks ...tweak) answer {
		return second.get("/file/download", values("id", string(e.ID)), append(tweaks, p.bearer())...)
	}
	if a := get(); a.status != 200 || string(a.body) != content || a.header.Get("Etag") != etagOf(content) {
		t.Errorf("whole: %d, %d bytes", a.status, len(a.body))
	}
	if a := get(header("Range", "bytes=100000-100099")); a.status != 206 || string(a.body) != content[100_000:100_100] {
		t.Errorf("range: %d, %d bytes", a.status, len(a.body))
	}
	d := second.Downloads.Places
	d.Remote = func(context.Context, store.NodeID, store.BlobName) (store.Blob, error) {
		return nil, store.ErrUnavailable
	}
	second.Downloads.Places = d
	a := get()
	a.want(t, 503, api.Unavailable)
	if a.header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
}
