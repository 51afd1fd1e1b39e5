package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
)

func cpus() int { return runtime.NumCPU() }

// A row is some work that peers are measured at.
type row struct {
	name, title string
	peers       []string
	rounds      int  // at most; 0: as the run has
	slow        bool // measured only where rows are asked for by their names
	keep        bool // data stays until the run ends
	metrics     []metric
	goals       []goal
	run         func(ctx context.Context, t *trial) error
}

// A metric is one figure of a row.
type metric struct {
	key, title, unit string
	chart            bool // the chart shows it
}

var ( // what many rows have
	uploaders = []string{nameDrive, nameRaw, nameHash, nameTusd}
	writers   = []string{nameDrive, nameRaw, nameTusd}
	servers   = []string{nameDrive, nameRaw, nameTusd, nameNginx}
	alone     = []string{nameDrive}

	rate     = metric{"rate", "rate", "MiB/s", true}
	perSec   = metric{"per_second", "rate", "/s", true}
	cpuGiB   = metric{"cpu", "server CPU", "s/GiB", false}
	complete = metric{"complete", "complete", "ms", false}
	written  = metric{"written", "written per byte", "", false}
	memory   = metric{"memory", "peak memory", "MiB", false}
	grown    = metric{"grown", "memory above that at rest", "MiB", false}
	p99      = metric{"p99", "p99", "ms", false}
)

// sizes are what -short makes smaller.
type sizes struct {
	huge, big, mid           int64
	small, tiny, asks, users int
	chunks, entries, moved   int
	resting                  int
}

func rows(short, ceph bool) []row {
	z := sizes{huge: 4 * gib, big: gib, mid: 64 * mib, small: 200, tiny: 1000, asks: 1000, users: 16, chunks: 10_000,
		entries: 1_000_000, moved: 500, resting: 10_000}
	if short {
		z = sizes{huge: 64 * mib, big: 32 * mib, mid: 16 * mib, small: 32, tiny: 64, asks: 50, users: 4, chunks: 100,
			entries: 2000, moved: 20, resting: 200}
	}
	if ceph {
		return cephRows(z)
	}
	return slices.Concat(bigRows(z), restRows(z), smallRows(z), queryRows(z))
}

func bigRows(z sizes) []row {
	least := 0.75 // of raw, the client included
	if cpus() >= 4 {
		least = 0.9
	}
	upload := []metric{rate, complete, cpuGiB, written, memory}
	return []row{
		{name: "upload4", title: size(z.big) + " up, 4 connections", peers: uploaders, metrics: upload, run: uploadRun(z.big, 4),
			goals: []goal{
				atLeast("rate", nameRaw, least), atLeast("rate", nameHash, 1.3), atLeast("rate", nameTusd, 1.2),
				{metric: "cpu", over: nameRaw, hash: 1.2}, atMost("complete", 60), atMost("written", 1.02), atMost("memory", 64),
			}},
		{name: "upload1", title: size(z.big) + " up, 1 connection", peers: uploaders, metrics: upload, run: uploadRun(z.big, 1),
			goals: []goal{atLeast("rate", nameRaw, 0.85), atLeast("rate", nameTusd, 1.1)}},
		{name: "complete", title: size(z.mid) + " up, 4 connections", peers: uploaders[:3], metrics: []metric{complete},
			run: uploadRun(z.mid, 4), goals: []goal{atMost("complete", 60)}},
		{name: "uploads20", title: "20 uploads of " + size(z.mid) + " at once", peers: []string{nameDrive, nameRaw}, rounds: 3,
			metrics: []metric{rate, memory}, run: manyUploads(z.mid, 20), goals: []goal{atMost("memory", 120)}},
		{name: "download1", title: size(z.big) + " down, 1 connection", peers: servers, metrics: []metric{rate, cpuGiB},
			run: downloadRun(z.big, 1), goals: []goal{atLeast("rate", nameNginx, 0.95), atMostOver("cpu", nameNginx, 1.15)}},
		{name: "download4", title: size(z.big) + " down, 4 ranges", peers: servers, metrics: []metric{rate, cpuGiB},
			run: downloadRun(z.big, 4), goals: []goal{atLeast("rate", nameNginx, 0.95), atMostOver("cpu", nameNginx, 1.15)}},
	}
}

func smallRows(z sizes) []row {
	goals := []goal{atLeast("per_second", nameRaw, 0.6), atMostOver("p99", nameRaw, 3)}
	// Nothing is removed in between: ext4 does not use an inode again for minutes after its file was removed, and to find
	// another one past thousands of these takes more of the CPU than all the rest of making a file.
	return []row{
		{name: "files1M", title: "files of 1 MiB, 16 clients", peers: writers, keep: true, metrics: []metric{perSec, p99, cpuGiB},
			run: smallRun(mib, z.small), goals: goals},
		{name: "files4K", title: "files of 4 KiB, 16 clients", peers: writers, keep: true, metrics: []metric{perSec, p99},
			run: smallRun(4<<10, z.tiny), goals: goals},
	}
}

func size(n int64) string {
	if n >= gib {
		return fmt.Sprintf("%d GiB", n/gib)
	}
	return fmt.Sprintf("%d MiB", n/mib)
}

// note takes down what moving bytes took.
func (t *trial) note(u usage, bytes int64) {
	t.values["wall"] = u.wall.Seconds()
	t.values["rate"] = float64(bytes) / mib / u.wall.Seconds()
	t.values["cpu"] = u.cpu.Seconds() * gib / float64(bytes)
	t.values["written"] = float64(u.written) / float64(bytes)
	t.values["memory"] = float64(u.peak) / mib
	t.values["grown"] = float64(u.peak-u.rest) / mib
}

func uploadRun(bytes int64, conns int) func(context.Context, *trial) error {
	return func(ctx context.Context, t *trial) error {
		f := t.newFile(bytes)
		t.values["hash"] = hashCost()
		u, err := t.measure(func() error {
			took, err := t.upload(ctx, f, conns)
			t.values["complete"] = milliseconds(took)
			return err
		})
		t.note(u, bytes)
		return err
	}
}

func manyUploads(bytes int64, n int) func(context.Context, *trial) error {
	return func(ctx context.Context, t *trial) error {
		files := make([]file, n)
		for i := range files {
			files[i] = t.newFile(bytes)
		}
		u, err := t.measure(func() error {
			g, ctx := errgroup.WithContext(ctx)
			for _, f := range files {
				g.Go(func() error {
					_, err := t.upload(ctx, f, 1)
					return err
				})
			}
			return g.Wait()
		})
		t.note(u, bytes*int64(n))
		return err
	}
}

func smallRun(bytes, n int) func(context.Context, *trial) error {
	return func(ctx context.Context, t *trial) error {
		const clients = 16
		noise := newNoise()
		var took []time.Duration
		u, err := t.measure(func() (err error) {
			took, err = many(ctx, clients, n, func(ctx context.Context, _, i int) error {
				f := newFile(noise, int64(bytes))
				body := append(f.nonce[:], noise[len(f.nonce):bytes]...)
				return t.put(ctx, fmt.Sprintf("file-%d", i), body)
			})
			return err
		})
		if err != nil {
			return err
		}
		t.note(u, int64(bytes)*int64(n))
		t.values["per_second"] = float64(n) / u.wall.Seconds()
		t.values["p99"] = percentile(took, 0.99)
		return nil
	}
}

func downloadRun(bytes int64, conns int) func(context.Context, *trial) error {
	return func(ctx context.Context, t *trial) error {
		req, err := t.offer(ctx, t.newFile(bytes))
		if err != nil {
			return err
		}
		c := newHTTP()
		defer c.CloseIdleConnections()
		u, err := t.measure(func() error {
			g, ctx := errgroup.WithContext(ctx)
			for i := range int64(conns) {
				g.Go(func() error { return fetch(ctx, c, req, bytes*i/int64(conns), bytes*(i+1)/int64(conns), bytes) })
			}
			return g.Wait()
		})
		t.note(u, bytes)
		return err
	}
}

// fetch downloads a part of a file and forgets it.
func fetch(ctx context.Context, c *http.Client, proto *http.Request, from, to, size int64) error {
	req := proto.Clone(ctx)
	if to-from < size {
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-%d", from, to-1))
	}
	resp, err := c.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	n, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, resp.Body, make([]byte, 256<<10))
	if err == nil && n != to-from {
		err = fmt.Errorf("%s: %d bytes instead of %d", resp.Status, n, to-from)
	}
	return err
}
