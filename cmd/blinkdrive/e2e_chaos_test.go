//go:build linux

package main_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/blinkdrive/blinkdrive/handler/client"
)

// TestChaos uploads files of all sizes through MySQL, Redis, RabbitMQ and Ceph while each of these, the drive and the
// workers are killed in turn. 60 files in the short setting, 1,000 in the long one.
func TestChaos(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("builds and runs the program")
	}
	s := newSite(t)
	w := newWorld(t, build(t), append(choice{"mysql", "redis", "rabbit", "ceph"}.env(t, s.at()),
		"BLINKDRIVE_ROLES=api,sweeper", "BLINKDRIVE_TRANSFER_LEASE=5s", "BLINKDRIVE_QUOTA_DEFAULT=1TiB", "BLINKDRIVE_GARBAGE_GRACE=1s")...)
	files := chaosFiles(60, 8*mib, 3)
	if long() {
		files = chaosFiles(1000, 200*mib, 30)
	}
	c := w.user("alice")
	w.uploadInChaos(c, s, files)

	refs := map[int64]client.Ref{}
	for e, err := range c.List(t.Context(), client.Listing{}) {
		if err != nil {
			t.Fatal(err)
		}
		var seed int64
		if _, err := fmt.Sscanf(e.FileName, "%d.bin", &seed); err != nil {
			t.Fatalf("%s: %v", e.FileName, err)
		}
		refs[seed] = client.ByID(e.ID)
	}
	if len(refs) != len(files) {
		t.Errorf("%d files are listed, want %d", len(refs), len(files))
	}
	var total int64
	contents := map[string]bool{}
	for _, p := range files {
		w.waitMoved(c, refs[p.seed])
		w.wantSameBytes(c, refs[p.seed], p)
		total += p.size
		contents[p.digest(t)] = true // of those without bytes there may be several
	}
	w.wantFiles(c, len(files), total)
	w.wantWell(c)
	w.bucket().wantSoon(len(contents))
	w.fsck()
}

// chaosFiles have sizes from nothing to most, the small ones more often: the mean is most/(skew+1).
func chaosFiles(n int, most, skew float64) []pattern {
	files := make([]pattern, n)
	for i := range files {
		files[i] = pattern{int64(1000 + i), int64(most * math.Pow(rand.Float64(), skew))}
	}
	files[0].size, files[1].size, files[2].size = 0, 1, int64(most)
	return files
}

// uploadInChaos uploads with eight at a time until all are there, while it kills.
func (w *world) uploadInChaos(c *client.Client, s *site, files []pattern) {
	w.t.Helper()
	var uploads sync.WaitGroup
	var next atomic.Int64
	for range 8 {
		uploads.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(files)); i = next.Add(1) - 1 {
				w.uploadOne(c, files[i])
			}
		})
	}
	over := make(chan struct{})
	go func() { uploads.Wait(); close(over) }()
	w.killInTurn(over, s)
	<-over
}

func (w *world) uploadOne(c *client.Client, p pattern) {
	_, err := c.Upload(w.t.Context(), p, p.size, client.UploadOptions{
		Target: client.Target{Name: fmt.Sprint(p.seed, ".bin")}, ChunkSize: mib, NoInstant: true,
	})
	if err != nil {
		w.t.Errorf("file %d of %d bytes: %v", p.seed, p.size, err)
	}
}

// killInTurn kills one after the other and starts it again, until all uploads are over and each has had its turn. Then
// everything runs.
func (w *world) killInTurn(over <-chan struct{}, s *site) {
	workers := []*worker{w.worker(), w.worker()}
	restart := func(kill func(), start func()) func() {
		return func() {
			kill()
			time.Sleep(time.Second) // so long it is away
			start()
		}
	}
	victims := []func(){
		func() {
			_ = workers[0].cmd.Process.Kill() // it may have ended by itself, for want of its engines
			<-workers[0].done
			workers = append(workers[1:], w.worker())
		},
		restart(s.redis.Kill, func() { s.start(s.redis) }),
		restart(s.rabbit.Kill, func() { s.start(s.rabbit) }),
		restart(func() { w.drive.Kill() }, func() { w.start() }),
		restart(s.ceph.Gateway.Kill, func() { s.start(s.ceph.Gateway) }),
		restart(s.mysql.Primary.Kill, func() { s.start(s.mysql.Primary) }),
		restart(s.mysql.Replica.Kill, func() { s.start(s.mysql.Replica) }),
	}
	for i := 0; i < len(victims) || !closed(over); i++ {
		victims[i%len(victims)]()
		time.Sleep(time.Second) // so long all is well
	}
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// wantSameBytes is wantSame for a file that may be large: it compares as it goes.
func (w *world) wantSameBytes(c *client.Client, r client.Ref, p pattern) {
	w.t.Helper()
	name := filepath.Join(w.t.TempDir(), "got")
	if _, err := c.DownloadFile(w.t.Context(), r, name, client.DownloadOptions{}); err != nil {
		w.t.Errorf("file %d: %v", p.seed, err)
		return
	}
	p.wantFile(w.t, name)
}
