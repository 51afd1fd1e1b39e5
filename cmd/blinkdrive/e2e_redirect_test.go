//go:build linux

package main_test

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/blinkdrive/blinkdrive/handler/client"
)

// TestRedirect has Ceph give out its blobs itself, under the file's name and for a while.
func TestRedirect(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("builds and runs the program")
	}
	env := append(choice{store: "ceph"}.env(t, shared(t)), "BLINKDRIVE_DOWNLOAD_POLICY=redirect", "BLINKDRIVE_DOWNLOAD_URL_TTL=3s")
	w := newWorld(t, build(t), env...)
	c := w.user("alice")
	p := pattern{40, 3*mib + 7}
	res, err := c.Upload(t.Context(), p, p.size, client.UploadOptions{Target: client.Target{Name: `wäré "1".bin`}})
	if err != nil {
		t.Fatal(err)
	}
	file := client.ByID(res.Meta.ID)
	w.waitMoved(c, file)
	w.wantSame(c, file, p.file(t)) // the client follows

	link, err := c.DownloadURL(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	if strings.HasPrefix(link, w.drive.URL) {
		t.Fatalf("the link is to the drive: %s", link)
	}
	status, header, body := fetch(t, link)
	want := make([]byte, p.size)
	p.ReadAt(want, 0)
	if status != http.StatusOK || !bytes.Equal(body, want) {
		t.Errorf("the link: status %d, %d bytes", status, len(body))
	}
	if d := header.Get("Content-Disposition"); !strings.HasPrefix(d, "attachment; filename=") || !strings.Contains(d, "filename*=") {
		t.Errorf("the link gives the file the name %s", d)
	}
	if ct := header.Get("Content-Type"); ct != "application/octet-stream" {
		t.Errorf("the link gives the file the type %s", ct)
	}
	if status, _, _ := fetch(t, strings.Replace(link, "Expires=3", "Expires=9", 1)); status != http.StatusForbidden {
		t.Errorf("a link that was changed: status %d", status)
	}
	for end := time.Now().Add(time.Minute); status != http.StatusForbidden; pause(t) {
		if status, _, _ = fetch(t, link); time.Now().After(end) {
			t.Fatalf("the link has not expired: status %d", status)
		}
	}
}

func fetch(t *testing.T, url string) (int, http.Header, []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, resp.Header, b
}
