//go:build linux

package main_test

import (
	"context"
	"net/http"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/blinkdrive/blinkdrive/handler/client"
)

// TestWorkers has blobs moved to Ceph by processes of their own, which are killed, stopped, paused and doubled.
func TestWorkers(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("builds and runs the program")
	}
	at := shared(t)
	bin := build(t, "-tags", "failpoint")
	for _, step := range steps(t) {
		if strings.HasPrefix(step, "transfer.") && step != "transfer.released" {
			t.Run("killed at "+step, func(t *testing.T) { t.Parallel(); testWorkerKilled(t, bin, at, step) })
		}
	}
	t.Run("two at once", func(t *testing.T) { t.Parallel(); testTwoWorkers(t, bin, at) })
	t.Run("stalled past its lease", func(t *testing.T) { t.Parallel(); testStalledWorker(t, bin, at) })
	t.Run("stopped in the middle", func(t *testing.T) { t.Parallel(); testStoppedWorker(t, bin, at) })
	t.Run("the node is down", func(t *testing.T) { t.Parallel(); testNodeDown(t, bin, at) })
}

// newShop is a drive whose transfers are left to other processes.
func newShop(t *testing.T, bin string, at addresses, env ...string) *world {
	t.Helper()
	env = append(choice{"mysql", "redis", "rabbit", "ceph"}.env(t, at), env...)
	return newWorld(t, bin, append(env, "BLINKDRIVE_ROLES=api,sweeper", "BLINKDRIVE_TRANSFER_LEASE=2s")...)
}

// A worker is a transfer process of its own.
type worker struct {
	t    *testing.T
	cmd  *exec.Cmd
	done chan struct{}
	err  error // when done: how it ended
}

// worker starts one with further environment variables. It has no data folder and no port.
func (w *world) worker(env ...string) *worker {
	w.t.Helper()
	s := w.setting
	s.Env = append(slices.Clone(s.Env), env...)
	s.Data, s.Log = "/nonexistent", w.log
	k := &worker{t: w.t, cmd: s.Command(context.WithoutCancel(w.t.Context()), "transfer"), done: make(chan struct{})}
	if err := k.cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	go func() {
		k.err = k.cmd.Wait()
		close(k.done)
	}()
	w.t.Cleanup(func() {
		_ = k.cmd.Process.Kill() // it fails where the process is gone
		<-k.done
	})
	return k
}

func (k *worker) signal(s syscall.Signal) {
	k.t.Helper()
	if err := k.cmd.Process.Signal(s); err != nil {
		k.t.Fatal(err)
	}
}

func (k *worker) await() error {
	k.t.Helper()
	select {
	case <-k.done:
	case <-time.After(time.Minute):
		k.t.Fatal("the worker did not end")
	}
	return k.err
}

// A bucket looks into the drive's bucket behind its back.
type bucket struct {
	t      *testing.T
	client *s3.Client
	name   string
}

func (w *world) bucket() *bucket {
	get := func(name string) string {
		for _, v := range w.setting.Env {
			if value, ok := strings.CutPrefix(v, "BLINKDRIVE_S3_"+name+"="); ok {
				return value
			}
		}
		w.t.Fatalf("the drive has no %s", name)
		return ""
	}
	return &bucket{t: w.t, name: get("BUCKET"), client: s3.New(s3.Options{
		BaseEndpoint: aws.String(get("ENDPOINT")), UsePathStyle: true, Region: "us-east-1", HTTPClient: http.DefaultClient,
		Credentials: credentials.NewStaticCredentialsProvider(get("ACCESS_KEY"), get("SECRET_KEY"), ""),
	})}
}

func (b *bucket) objects() int {
	b.t.Helper()
	n := 0
	for p := s3.NewListObjectsV2Paginator(b.client, &s3.ListObjectsV2Input{Bucket: &b.name}); p.HasMorePages(); {
		page, err := p.NextPage(b.t.Context())
		if err != nil {
			b.t.Fatal(err)
		}
		n += len(page.Contents)
	}
	return n
}

func (b *bucket) multiparts() int {
	b.t.Helper()
	out, err := b.client.ListMultipartUploads(b.t.Context(), &s3.ListMultipartUploadsInput{Bucket: &b.name})
	if err != nil {
		b.t.Fatal(err)
	}
	return len(out.Uploads)
}

// want checks that nothing is in the bucket but what was moved there.
func (b *bucket) want(objects int) {
	b.t.Helper()
	if n, m := b.objects(), b.multiparts(); n != objects || m != 0 {
		b.t.Errorf("%d objects and %d unfinished multipart uploads are in the bucket; want %d and 0", n, m, objects)
	}
}

// wantSoon is want for a drive whose sweeper may have something left to remove.
func (b *bucket) wantSoon(objects int) {
	b.t.Helper()
	for end := time.Now().Add(recovery); b.objects() != objects || b.multiparts() != 0; pause(b.t) {
		if time.Now().After(end) {
			b.want(objects)
			return
		}
	}
}

// large is more than goes up in one piece.
const large = 24*mib + 17

// put uploads a pattern and returns its entry.
func (w *world) put(c *client.Client, p pattern) client.Ref {
	w.t.Helper()
	res, err := c.Upload(w.t.Context(), p, p.size, client.UploadOptions{Target: client.Target{Name: "a.bin"}, ChunkSize: 4 * mib})
	if err != nil {
		w.t.Fatal(err)
	}
	return client.ByID(res.Meta.ID)
}

func testWorkerKilled(t *testing.T, bin string, at addresses, step string) {
	w := newShop(t, bin, at)
	c := w.user("alice")
	p := pattern{11, large}
	file := w.put(c, p)
	if err := w.worker("BLINKDRIVE_FAILPOINT=" + step).await(); err == nil {
		t.Fatal("the worker ended well")
	}
	w.wantSame(c, file, p.file(t))
	w.worker()
	w.waitMoved(c, file)
	w.wantSame(c, file, p.file(t))
	w.bucket().want(1)
	w.fsck()
}

func testTwoWorkers(t *testing.T, bin string, at addresses) {
	w := newShop(t, bin, at)
	c := w.user("alice")
	w.worker()
	w.worker()
	patterns := make([]pattern, 20)
	files := make([]client.Ref, len(patterns))
	for i := range patterns {
		patterns[i] = pattern{int64(100 + i), int64(i)*mib/3 + 1}
		files[i] = w.put(c, patterns[i])
	}
	for i, p := range patterns {
		w.waitMoved(c, files[i])
		w.wantSame(c, files[i], p.file(t))
	}
	w.bucket().want(len(patterns))
	w.fsck()
}

// beginSlowly has a worker at work on a large file, and returns it in the middle of that.
func (w *world) beginSlowly(c *client.Client, p pattern, env ...string) (*worker, client.Ref) {
	w.t.Helper()
	slow := w.worker(append(env, "BLINKDRIVE_TRANSFER_BANDWIDTH=2MiB")...)
	file := w.put(c, p)
	b := w.bucket()
	for end := time.Now().Add(time.Minute); b.multiparts() == 0; pause(w.t) {
		if time.Now().After(end) {
			w.t.Fatal("the worker has not begun")
		}
	}
	return slow, file
}

func testStalledWorker(t *testing.T, bin string, at addresses) {
	w := newShop(t, bin, at)
	c := w.user("alice")
	p := pattern{12, large}
	slow, file := w.beginSlowly(c, p)
	slow.signal(syscall.SIGSTOP)
	w.worker()
	w.waitMoved(c, file)
	slow.signal(syscall.SIGCONT)
	slow.signal(syscall.SIGTERM)
	if err := slow.await(); err != nil {
		t.Errorf("the worker that had lost its lease: %v", err)
	}
	w.wantSame(c, file, p.file(t))
	w.bucket().want(1)
	w.fsck()
}

func testStoppedWorker(t *testing.T, bin string, at addresses) {
	w := newShop(t, bin, at)
	c := w.user("alice")
	p := pattern{13, large}
	slow, file := w.beginSlowly(c, p, "BLINKDRIVE_TRANSFER_LEASE=1h")
	slow.signal(syscall.SIGTERM)
	if err := slow.await(); err != nil {
		t.Errorf("SIGTERM: %v", err)
	}
	w.worker() // it would wait for an hour, had the lease not been handed back
	w.waitMoved(c, file)
	w.wantSame(c, file, p.file(t))
	w.bucket().want(1)
	w.fsck()
}

// testNodeDown has a worker meet a node that is down, which is nobody's fault: it waits, and costs the job no attempt.
func testNodeDown(t *testing.T, bin string, at addresses) {
	w := newShop(t, bin, at)
	c := w.user("alice")
	p := pattern{14, large}
	file := w.put(c, p)
	w.drive.Kill()
	w.worker()
	time.Sleep(3 * time.Second) // long enough for tries in vain; nothing tells when they have been made
	w.start()
	w.waitMoved(c, file)
	w.wantSame(c, file, p.file(t))
	w.bucket().want(1)
	w.fsck()
}
