package setup_test

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/blinkdrive/blinkdrive/handler/client"
	"github.com/blinkdrive/blinkdrive/store"
	"github.com/blinkdrive/blinkdrive/store/storetest"
)

// A node goes away for good with a file that was not moved yet. The same bytes, uploaded at another node since, are not
// given up for it: both users' files are read from there and moved to the object store.
func TestUploadOutlivesANodeThatHadItsContent(t *testing.T) {
	t.Parallel()
	server, redis := storetest.Server(t, "BLINKDRIVE_TEST_MYSQL_DSN"), storetest.Server(t, "BLINKDRIVE_TEST_REDIS_ADDR")
	dsn := storetest.WithDatabase(t, server, storetest.NewDatabase(t, server))
	start := func(roles ...string) (string, func()) {
		cfg := emptyDrive(t)
		cfg.DB, cfg.Redis, cfg.Secret, cfg.Roles = "mysql:"+dsn, redis, strings.Repeat("s", 32), roles
		cfg.Node = string(store.NewNodeID())
		return background(t, open(t, cfg))
	}
	content := oldBytes("shared.bin", 700_000)
	first, stop := start("api")
	alice := signedIn(t, first)
	upload := func(c *client.Client, name string) {
		t.Helper()
		target := client.UploadOptions{Target: client.Target{Name: name}}
		if _, err := c.Upload(t.Context(), bytes.NewReader(content), int64(len(content)), target); err != nil {
			t.Fatal(err)
		}
	}
	upload(alice, "a.bin")
	stop()

	second, _ := start("api", "transfer")
	alice = newClient(t, second, alice.Token())
	bob := newClient(t, second, "")
	if err := bob.Signup(t.Context(), "bob", "battery staple"); err != nil {
		t.Fatal(err)
	}
	if _, err := bob.Signin(t.Context(), "bob", "battery staple"); err != nil {
		t.Fatal(err)
	}
	upload(bob, "chunks.bin")
	if _, err := bob.UploadForm(t.Context(), "", client.FormFile{Name: "form.bin", Content: bytes.NewReader(content)}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []*client.Client{bob, alice} {
		r, err := c.Open(t.Context(), client.ByDigest(sha1Hex(content)))
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(r)
		if r.Close(); err != nil || !bytes.Equal(got, content) {
			t.Errorf("%d bytes come back, %v", len(got), err)
		}
	}
	eventually(t, "the bytes are in the object store", func() bool {
		m, err := alice.MetaAt(t.Context(), "/a.bin")
		return err == nil && m.Location == "disk"
	})
}
