package handler

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/blinkdrive/blinkdrive/handler/api"
	"github.com/blinkdrive/blinkdrive/handler/client"
	"github.com/blinkdrive/blinkdrive/store"
)

// A linkingStore is an object store over the drive's disk that gives its blobs out at a URL.
type linkingStore struct {
	store.Blobs
	base string
}

func (s linkingStore) Kind() store.Kind { return store.Ceph }

func (s linkingStore) Locate(name store.BlobName) store.Location {
	return store.Location{Kind: store.Ceph, In: "bucket", Key: name.Key()}
}

func (s linkingStore) Link(_ context.Context, name store.BlobName, disposition, mediaType string, ttl time.Duration) (string, error) {
	return s.base + "/" + string(name) + "?" + values("d", disposition, "t", mediaType, "ttl", ttl.String()).Encode(), nil
}

// lendingDrive is a drive with a file in an object store that gives it out itself.
func lendingDrive(t *testing.T, redirect bool) (d *drive, p person, e store.Entry, leaks *atomic.Int64) {
	t.Helper()
	leaks = &atomic.Int64{}
	lender := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" || r.Header.Get("Cookie") != "" {
			leaks.Add(1)
		}
		w.Header().Set("Etag", `"d41d8cd98f00b204e9800998ecf8427e-2"`)
		http.ServeContent(w, r, "", time.Time{}, strings.NewReader(story))
	}))
	t.Cleanup(lender.Close)
	d = newDrive(t, func(s *Server) { s.Downloads.Redirect = redirect })
	out := linkingStore{d.local, lender.URL}
	d.Downloads.Places.Objects = map[store.Kind]store.Blobs{store.Ceph: out}
	p = d.join("alice")
	e = d.put(p, "", "story.txt", story)
	job, err := d.db.LeaseTransfer(t.Context(), e.Content.Sums.Digest, d.clock.now(), d.clock.now().Add(time.Hour), nil)
	if err != nil {
		t.Fatal(err)
	}
	job.To = out.Locate(e.Content.Location.Name())
	if err := d.db.FinishTransfer(t.Context(), job, d.clock.now()); err != nil {
		t.Fatal(err)
	}
	return d, p, e, leaks
}

func TestDownloadIsRedirected(t *testing.T) {
	t.Parallel()
	d, p, e, _ := lendingDrive(t, true)
	for _, method := range []string{"GET", "HEAD"} {
		a := d.send(method, "/file/download", values("id", string(e.ID)), nil, p.bearer())
		to, err := url.Parse(a.header.Get("Location"))
		if err != nil || a.status != http.StatusFound || a.header.Get("Cache-Control") != "no-store" {
			t.Fatalf("%s: %d, %v", method, a.status, a.header)
		}
		q := to.Query()
		if q.Get("d") != contentDisposition("story.txt") || q.Get("t") != "text/plain; charset=utf-8" || q.Get("ttl") != "5m0s" {
			t.Errorf("%s: %v", method, q)
		}
	}
	// What is shown comes from here, under our own policy.
	if a := d.get("/file/download", values("id", string(e.ID), "inline", "1"), p.bearer()); a.status != 200 || string(a.body) != story {
		t.Errorf("inline: %d, %v", a.status, a.header)
	}
	if link := d.link(p, e); !strings.Contains(link, "ttl=1h0m0s") {
		t.Errorf("link %s", link)
	}
	q := d.join("bob")
	for _, path := range []string{"/file/download", "/file/downloadurl"} {
		d.get(path, values("id", string(e.ID)), q.bearer()).want(t, 404, api.NotFound)
		d.get(path, values("id", string(e.ID))).want(t, 401, api.TokenInvalid)
	}
	c := d.content(t, e)
	if err := d.db.MarkContent(t.Context(), c.Sums.Digest, c.Location, store.ContentDamaged, d.clock.now()); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/file/download", "/file/downloadurl"} {
		d.get(path, values("id", string(e.ID)), p.bearer()).want(t, 503, api.Damaged)
	}
}

func (d *drive) content(t *testing.T, e store.Entry) store.Content {
	t.Helper()
	c, err := d.db.Content(t.Context(), e.Content.Sums.Digest)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Redirecting is opt-in: else the drive serves the file, and its own link.
func TestDownloadIsServedByDefault(t *testing.T) {
	t.Parallel()
	d, p, e, _ := lendingDrive(t, false)
	if link := d.link(p, e); !strings.HasPrefix(link, d.url+"/file/download?") {
		t.Errorf("link %s", link)
	}
	place := d.Downloads.Places
	if _, err := place.Of(d.content(t, e).Location); err != nil {
		t.Fatal(err)
	}
	if a := d.get("/file/download", values("id", string(e.ID)), p.bearer()); a.status != 200 || string(a.body) != story {
		t.Errorf("%d, %s", a.status, a.body)
	}
}

// Our own client follows, verifies what comes, and keeps its token to itself.
func TestClientFollowsToTheStore(t *testing.T) {
	t.Parallel()
	d, p, e, leaks := lendingDrive(t, true)
	c, err := client.New(d.url, client.Options{Token: p.token})
	if err != nil {
		t.Fatal(err)
	}
	defer c.CloseIdleConnections()
	for _, parallel := range []int{1, 4} {
		var w buffer
		got, err := c.Download(t.Context(), client.Ref{ID: string(e.ID)}, &w, client.DownloadOptions{Parallel: parallel})
		if err != nil || string(w) != story || got.Size != int64(len(story)) {
			t.Errorf("%+v, %q, %v", got, w, err)
		}
	}
	if leaks.Load() != 0 {
		t.Error("the store saw the user's token")
	}
}

// A buffer grows as it is written to.
type buffer []byte

func (b *buffer) WriteAt(p []byte, off int64) (int, error) {
	*b = append((*b)[:off], p...)
	return len(p), nil
}
