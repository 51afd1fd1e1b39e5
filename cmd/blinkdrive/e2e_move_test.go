//go:build linux

package main_test

import (
	"strings"
	"testing"

	"github.com/blinkdrive/blinkdrive/handler/client"
)

// TestMoveToEngines takes a drive from the embedded engines to the real ones, with an upload half-way, and loses nothing.
func TestMoveToEngines(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("builds and runs the program")
	}
	at := shared(t)
	w := newWorld(t, build(t))
	alice := w.user("alice")
	old, half := pattern{50, 3*mib + 1}, pattern{51, 7*mib + 1}
	file := w.put(alice, old)
	w.waitMoved(alice, file)
	digest, in := initUpload(t, alice, half, "half.bin")
	for i := range 3 {
		putChunk(t, alice, in, half, i+1)
	}
	env := choice{"mysql", "redis", "rabbit", "ceph"}.env(t, at)
	db, _ := strings.CutPrefix(env[1], "BLINKDRIVE_DB=")
	if out, err := w.command("migrate", "copy", "--to", db); err == nil || !strings.Contains(out, "in use") {
		t.Errorf("a copy beside the server: %v\n%s", err, out)
	}
	w.stop()
	if out, err := w.command("migrate", "copy", "--to", db); err != nil || !strings.Contains(out, "tbl_user_file") {
		t.Fatalf("migrate copy: %v\n%s", err, out)
	}
	if out, err := w.command("migrate", "copy", "--to", db); err == nil {
		t.Errorf("a copy over the first one: %s", out)
	}
	w.setting.Env = append(w.setting.Env, env...)
	w.place = "ceph"
	w.start()

	w.wantSame(alice, file, old.file(t)) // by the same token, from the folder
	res, err := alice.Upload(t.Context(), half, half.size, client.UploadOptions{Target: client.Target{Name: "half.bin"}, NoInstant: true})
	if err != nil || res.Digest != digest || res.BytesSaved != 3*mib {
		t.Fatalf("the upload that was half-way: %+v, %v", res, err)
	}
	w.waitMoved(alice, client.ByID(res.Meta.ID))
	w.wantSame(alice, client.ByID(res.Meta.ID), half.file(t))
	w.wantFiles(alice, 2, old.size+half.size)
	w.bucket().want(1)
	w.fsck()
}
