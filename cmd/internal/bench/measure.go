package main

import (
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// A bench is one run of this program.
type bench struct {
	setting
	dir   string
	log   io.Writer
	peers map[string]peer
	began time.Time
}

func (b *bench) tell(format string, args ...any) { fmt.Fprintf(b.log, "bench: "+format+"\n", args...) }

// values are figures by the key of their metric.
type values map[string]float64

// A sample is what one round found out about one peer.
type sample struct {
	Round      int
	Foreign    float64 // share of the machine's CPUs that other processes used during the sample
	Congestion string  // what was in force on the server's connections; empty if nothing was sent
	Values     values
}

// maxForeign is the share of foreign CPU load above which a sample counts only where there are no better ones.
const maxForeign = 0.2

// row measures one row: in each round all peers, each round beginning with the next one.
func (b *bench) row(ctx context.Context, r row, nth int) (result, error) {
	res := result{row: r, Name: r.name, Title: r.title, Samples: map[string][]sample{}}
	peers := slices.DeleteFunc(append(slices.Clone(r.peers), nameBefore), func(name string) bool { return b.peers[name].start == nil })
	rounds := b.rounds
	if r.rounds > 0 {
		rounds = min(rounds, r.rounds)
	}
	for round := range rounds {
		if round > 0 && time.Since(b.began) > b.limit*time.Duration(nth+1)/time.Duration(len(chosen(b.setting))) {
			b.tell("%s: only %d of %d rounds, for want of time", r.name, round, rounds)
			break
		}
		for i := range peers {
			name := peers[(i+round)%len(peers)]
			s, err := b.sample(ctx, r, b.peers[name])
			if errors.Is(err, errCannot) {
				continue
			} else if err != nil {
				return res, fmt.Errorf("%s: %w", name, err)
			}
			s.Round = round
			res.Samples[name] = append(res.Samples[name], s)
			b.tell("%-10s %-10s round %d: %v, foreign %.2f", r.name, name, round+1, s.Values, s.Foreign)
		}
	}
	return res, nil
}

// sample measures a peer in a process and a folder of its own, and leaves nothing of either, unless the row says so.
func (b *bench) sample(ctx context.Context, r row, p peer) (sample, error) {
	dir, err := os.MkdirTemp(b.dir, "data-")
	if err != nil {
		return sample{}, err
	}
	if !r.keep {
		defer os.RemoveAll(dir)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		return sample{}, err
	}
	l, err := p.start(ctx, dir)
	if err != nil {
		return sample{}, err
	}
	defer l.process().kill()
	t := &trial{bench: b, live: l, drive: slices.Contains([]string{nameDrive, nameBefore, nameDirect}, p.name), values: values{}}
	if err := r.run(ctx, t); err != nil {
		said, _ := os.ReadFile(filepath.Join(dir, "log"))
		return sample{}, fmt.Errorf("%w\nits log ends with:\n%s", err, said[max(0, len(said)-2000):])
	}
	return sample{Values: t.values, Foreign: t.foreign, Congestion: t.congestion}, nil
}

// A trial is a sample in the making.
type trial struct {
	*bench
	live
	drive      bool // the peer is the drive
	values     values
	foreign    float64
	congestion string
}

// A usage is what some work took.
type usage struct {
	wall, cpu time.Duration // cpu is the server's
	written   int64         // to the disk, by the server
	peak      int64         // of its memory
	rest      int64         // its memory before
}

// measure does some work and looks at what it takes.
func (t *trial) measure(work func() error) (usage, error) {
	t.calm()
	pid := t.process().pid
	forgetPeak(pid)
	rest, before, cpu, written := peakMemory(pid), t.load(), cpuTime(pid), bytesWritten(pid)
	begun := time.Now()
	err := work()
	u := usage{wall: time.Since(begun), cpu: cpuTime(pid) - cpu, written: bytesWritten(pid) - written, peak: peakMemory(pid), rest: rest}
	t.blame(before, u)
	t.noteCongestion()
	return u, err
}

// calm makes the machine as it is before every measurement.
func (t *trial) calm() {
	warm := int64(2 * gib)
	if t.short {
		warm = 64 * mib
	}
	warmMemory(warm)
	syncAll()
}

// load is what the machine has worked so far for others than the peer: with a Ceph that it needs not counted.
func (t *trial) load() time.Duration {
	sum := busyTime() - ownTime()
	if l, ok := t.live.(interface{ helpers() []int }); ok {
		for _, pid := range l.helpers() {
			sum -= cpuTime(pid)
		}
	}
	return sum
}

// blame notes what others have worked since load was before.
func (t *trial) blame(before time.Duration, u usage) {
	foreign := t.load() - before - u.cpu
	t.foreign = max(t.foreign, foreign.Seconds()/u.wall.Seconds()/float64(cpus()))
}

// noteCongestion records the congestion control of the connections that are still open after a measurement.
func (t *trial) noteCongestion() {
	pid := t.process().pid
	if l, ok := t.live.(interface{ sender() int }); ok {
		pid = l.sender()
	}
	switch now := inForce(pid); {
	case t.congestion == "":
		t.congestion = now
	case t.congestion != now:
		t.congestion += ", then " + now
	}
}

// newFile is a file for this trial.
func (t *trial) newFile(size int64) file { return t.fileOf(newNoise(), size) }

func (t *trial) fileOf(noise []byte, size int64) file {
	f := newFile(noise, size)
	if t.drive {
		f.known = f.digest()
	}
	return f
}

// many does n pieces of work by some clients and returns how long each took, sorted.
func many(ctx context.Context, clients, n int, work func(ctx context.Context, client, i int) error) ([]time.Duration, error) {
	took := make([]time.Duration, n)
	g, ctx := errgroup.WithContext(ctx)
	var mu sync.Mutex
	next := 0
	take := func() int {
		mu.Lock()
		defer mu.Unlock()
		next++
		return next - 1
	}
	for c := range clients {
		g.Go(func() error {
			for i := take(); i < n; i = take() {
				begun := time.Now()
				if err := work(ctx, c, i); err != nil {
					return err
				}
				took[i] = time.Since(begun)
			}
			return nil
		})
	}
	err := g.Wait()
	slices.Sort(took)
	return took, err
}

// percentile takes it from sorted times, in milliseconds.
func percentile(sorted []time.Duration, p float64) float64 {
	i := min(len(sorted)-1, int(p*float64(len(sorted))))
	return milliseconds(sorted[i])
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// hashCost is the CPU time of both digests over a GiB, in seconds.
func hashCost() float64 {
	const n = 128 * mib
	h1, h2 := sha1.New(), sha256.New()
	p := make([]byte, 256<<10)
	begun := ownTime()
	for range n / len(p) {
		h1.Write(p)
		h2.Write(p)
	}
	return (ownTime() - begun).Seconds() * gib / n
}
