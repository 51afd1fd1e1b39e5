package main

import (
	"context"
	"fmt"
	"time"

	"github.com/blinkdrive/blinkdrive/handler/client"
)

// restRows are about what does not grow: complete with the size of a file, memory with the number of unfinished uploads.
func restRows(z sizes) []row {
	return []row{
		{name: "complete4G", title: size(z.huge) + " beside " + size(z.mid) + " up, 4 connections", peers: alone, rounds: 3,
			run: completeRun(z), metrics: []metric{
				{"small", "complete of " + size(z.mid), "ms", false}, {"huge", "complete of " + size(z.huge), "ms", false},
				{"ratio", "complete, one over the other", "", false}, memory,
			},
			goals: []goal{atMost("ratio", 1.5)}},
		{name: "rest", title: fmt.Sprintf("%d unfinished uploads at rest", z.resting), peers: alone, rounds: 1, slow: true,
			run: restRun(z), metrics: []metric{
				{"empty", "memory with none", "MiB", false}, {"each", "memory of each", "KiB", false},
				{"again", "after a restart", "KiB", false},
			},
			goals: []goal{atMost("each", 2), atMost("again", 2)}},
	}
}

// completeRun compares the completion of a huge file with the median of those of small ones.
func completeRun(z sizes) func(context.Context, *trial) error {
	return func(ctx context.Context, t *trial) error {
		var took []float64
		for range 5 {
			if err := t.completeOf(ctx, z.mid, &took); err != nil {
				return err
			}
		}
		small, _ := spreadOf(took)
		if err := t.completeOf(ctx, z.huge, &took); err != nil {
			return err
		}
		huge := took[len(took)-1]
		t.values["small"], t.values["huge"], t.values["ratio"] = small.Median, huge, huge/small.Median
		return nil
	}
}

func (t *trial) completeOf(ctx context.Context, bytes int64, took *[]float64) error {
	f := t.newFile(bytes)
	u, err := t.measure(func() error {
		d, err := t.upload(ctx, f, 4)
		*took = append(*took, milliseconds(d))
		return err
	})
	t.note(u, bytes)
	return err
}

const restEach = 100 // unfinished uploads of one user: as many as there may be where nothing is set

// restRun looks at the memory of a server with nothing, with many unfinished uploads, and with these after a restart.
func restRun(z sizes) func(context.Context, *trial) error {
	return func(ctx context.Context, t *trial) error {
		d := t.live.(*drive)
		users := make([]*client.Client, (z.resting+restEach-1)/restEach)
		for i := range users {
			var err error
			if users[i], err = d.user(ctx, fmt.Sprintf("user%d", i)); err != nil {
				return err
			}
		}
		kill, err := d.restart(ctx)
		if err != nil {
			return err
		}
		defer func() { kill() }()
		soon, rest := 5*time.Second, 130*time.Second // the runtime tidies up after two minutes by itself
		if t.short {
			soon, rest = 0, 0
		}
		empty := d.settled(ctx, soon)
		_, err = many(ctx, 16, z.resting, func(ctx context.Context, _, i int) error {
			_, err := users[i%len(users)].Init(ctx, client.InitRequest{
				Target: client.Target{Name: fmt.Sprintf("file %d", i)}, Digest: fmt.Sprintf("%040x", i+1), Size: 256 << 10,
			})
			return err
		})
		if err != nil {
			return err
		}
		full := d.settled(ctx, rest)
		if kill, err = d.restart(ctx); err != nil {
			return err
		}
		again := d.settled(ctx, soon)
		t.values["empty"] = float64(empty) / mib
		t.values["each"] = float64(full-empty) / 1024 / float64(z.resting)
		t.values["again"] = float64(again-empty) / 1024 / float64(z.resting)
		return nil
	}
}

// restart stops the server and starts it again on the same data. Whoever does that kills what it has started.
func (d *drive) restart(ctx context.Context) (kill func(), err error) {
	d.proc.kill()
	d.http.CloseIdleConnections()
	p, err := d.proc.again(ctx)
	if err != nil {
		return func() {}, err
	}
	d.proc = p
	return p.kill, nil
}

// settled returns the least memory that the server has within some time of doing nothing.
func (d *drive) settled(ctx context.Context, within time.Duration) int64 {
	least := residentMemory(d.proc.pid)
	for begun := time.Now(); time.Since(begun) < within; {
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
			return least
		}
		least = min(least, residentMemory(d.proc.pid))
	}
	return least
}
