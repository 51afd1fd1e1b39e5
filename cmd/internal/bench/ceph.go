package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/blinkdrive/blinkdrive/cmd/internal/testenv"
	"github.com/blinkdrive/blinkdrive/store"
	"github.com/blinkdrive/blinkdrive/store/sqldb"
)

const (
	cephBucket = "bench"
	// atOnce is how many files go to Ceph at once, and how many parts of each: rclone's own choice.
	atOnce = 4
)

// A mover brings files from the disk to Ceph with a program of its own.
type mover interface {
	take(ctx context.Context, files []file) error
	// mover is the program that brings what was taken. done tells whether it is through; nil: it ends then.
	mover(ctx context.Context) (cmd *exec.Cmd, done func(context.Context) (bool, error), err error)
}

// findCephPeers are those that are measured at an object store.
func (b *bench) findCephPeers(ctx context.Context) (map[string]peer, error) {
	if err := testenv.Need(testenv.ForS3); err != nil {
		return nil, err
	}
	bin, err := b.buildDrive(ctx)
	if err != nil {
		return nil, err
	}
	list := []peer{b.cephDrive(nameDrive, bin, "stream"), b.cephDrive(nameDirect, bin, "redirect")}
	if b.before != "" {
		list = append(list, b.cephDrive(nameBefore, b.before, "stream"))
	}
	if bin, err := exec.LookPath("rclone"); err != nil {
		b.tell("rclone is left out: it is not installed; Debian has it in the package rclone")
	} else {
		list = append(list, b.rclone(bin))
	}
	return byName(list), nil
}

// bucket is a Ceph that nobody has used yet, and what it costs is none of a peer's.
type bucket struct{ ceph *testenv.Ceph }

func (b bucket) helpers() []int {
	return []int{b.ceph.Monitor.PID(), b.ceph.OSD.PID(), b.ceph.Gateway.PID()}
}

func (b bucket) endpoint() string { return "http://" + b.ceph.Gateway.Addr }

// withCeph starts a Ceph and then a peer, and has both end together.
func withCeph(start func(ctx context.Context, dir string, b bucket) (live, error)) func(context.Context, string) (live, error) {
	return func(ctx context.Context, dir string) (live, error) {
		ceph, err := testenv.StartCeph(ctx, dir)
		if err != nil {
			return nil, err
		}
		_ = setCongestion(ceph.Gateway.PID()) // as in launch
		l, err := start(ctx, dir, bucket{ceph})
		if err != nil {
			return nil, errors.Join(err, ceph.Close())
		}
		p := l.process()
		kill := p.kill
		p.kill = func() {
			kill()
			_ = ceph.Close() // what it was for has been measured
		}
		return l, nil
	}
}

// A cephDrive is a drive whose files go to Ceph.
type cephDrive struct {
	*drive
	bucket
	direct bool // downloads come from Ceph itself
	bin    string
	env    []string
	quit   func() // ends the drive alone
}

func (b *bench) cephDrive(name, bin, policy string) peer {
	return peer{name, withCeph(func(ctx context.Context, dir string, c bucket) (live, error) {
		env := []string{
			"BLINKDRIVE_STORE=ceph", "BLINKDRIVE_S3_ENDPOINT=" + c.endpoint(), "BLINKDRIVE_S3_BUCKET=" + cephBucket,
			"BLINKDRIVE_S3_ACCESS_KEY=" + c.ceph.AccessKey, "BLINKDRIVE_S3_SECRET_KEY=" + c.ceph.SecretKey,
			"BLINKDRIVE_DOWNLOAD_POLICY=" + policy, fmt.Sprintf("BLINKDRIVE_TRANSFER_WORKERS=%d", atOnce),
		}
		if b.pprof != "" {
			env = append(env, "BLINKDRIVE_ADMIN_LISTEN="+b.pprof)
		}
		l, err := b.startDrive(ctx, bin, dir, env...)
		if err != nil {
			return nil, err
		}
		d := l.(*drive)
		return &cephDrive{drive: d, bucket: c, direct: name == nameDirect, bin: bin, env: env, quit: d.proc.kill}, nil
	})}
}

// sender is the process from which downloads come.
func (d *cephDrive) sender() int {
	if d.direct {
		return d.ceph.Gateway.PID()
	}
	return d.proc.pid
}

func (d *cephDrive) take(ctx context.Context, files []file) error {
	_, err := many(ctx, 4, len(files), func(ctx context.Context, _, i int) error {
		_, err := d.upload(ctx, files[i], 1)
		return err
	})
	return err
}

// mover ends the drive, whose database is one process's at a time, and is one that does nothing but transfers.
func (d *cephDrive) mover(ctx context.Context) (*exec.Cmd, func(context.Context) (bool, error), error) {
	d.quit()
	db, err := sqldb.Open(ctx, sqldb.Options{Source: sqldb.SQLite(filepath.Join(d.proc.dir, "data", "blinkdrive.db"))})
	if err != nil {
		return nil, nil, err
	}
	addr, err := testenv.FreeAddr()
	if err != nil {
		return nil, nil, err
	}
	s := testenv.Setting{
		Bin: d.bin, Data: filepath.Join(d.proc.dir, "data"), Addr: addr, Env: append(d.env, "BLINKDRIVE_ROLES=transfer"),
	}
	done := func(ctx context.Context) (bool, error) {
		left, err := db.ListTransfers(ctx, store.TransferPending, 1)
		if err != nil || len(left) > 0 {
			return false, err
		}
		failed, err := db.ListTransfers(ctx, store.TransferFailed, 1)
		if err == nil && len(failed) > 0 {
			err = errors.New(failed[0].LastError)
		}
		return true, errors.Join(err, db.Close())
	}
	return s.Command(context.WithoutCancel(ctx), "serve"), done, nil
}

// offer returns a request for a file that has come to Ceph: to the drive, or to Ceph where the drive sends its clients there.
// The drive is started anew before that, so that its memory is not that of the upload.
func (d *cephDrive) offer(ctx context.Context, f file) (*http.Request, error) {
	req, err := d.drive.offer(ctx, f)
	if err != nil {
		return nil, err
	}
	cmd, done, err := d.mover(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := runProgram(ctx, cmd, done); err != nil {
		return nil, err
	}
	if err := d.restart(ctx); err != nil {
		return nil, err
	}
	req.URL.Host = d.proc.url[len("http://"):]
	if !d.direct {
		return req, nil
	}
	link, err := d.post(ctx, "/file/downloadurl?filehash="+f.known, "", nil)
	if err != nil {
		return nil, err
	}
	return http.NewRequestWithContext(ctx, http.MethodGet, string(link), nil)
}

func (d *cephDrive) restart(ctx context.Context) error {
	addr, err := testenv.FreeAddr()
	if err != nil {
		return err
	}
	s := testenv.Setting{Bin: d.bin, Data: filepath.Join(d.proc.dir, "data"), Addr: addr, Env: append(d.env, "BLINKDRIVE_ROLES=api")}
	p, err := launch(ctx, d.proc.dir, addr, "/readyz", s.Command(context.WithoutCancel(ctx), "serve"))
	if err != nil {
		return err
	}
	d.proc.url, d.proc.pid = p.url, p.pid
	kill := d.proc.kill // of Ceph, the first drive being gone
	d.proc.kill = func() {
		p.kill()
		kill()
	}
	return nil
}

// rclone copies files of a folder to the same bucket.
type rclone struct {
	bucket
	proc *process
	bin  string
}

func (b *bench) rclone(bin string) peer {
	return peer{nameRclone, withCeph(func(_ context.Context, dir string, c bucket) (live, error) {
		return &rclone{c, &process{dir: dir, kill: func() {}}, bin}, os.Mkdir(filepath.Join(dir, "files"), 0o755)
	})}
}

func (r *rclone) process() *process { return r.proc }

func (r *rclone) take(_ context.Context, files []file) error {
	for i, f := range files {
		if err := writeFile(filepath.Join(r.proc.dir, "files", strconv.Itoa(i)), f); err != nil {
			return err
		}
	}
	return nil
}

func (r *rclone) mover(context.Context) (*exec.Cmd, func(context.Context) (bool, error), error) {
	n := strconv.Itoa(atOnce)
	cmd := exec.Command(r.bin, "copy", filepath.Join(r.proc.dir, "files"), ":s3:"+cephBucket, "--config", "",
		"--transfers", n, "--s3-upload-concurrency", n, "--s3-provider", "Ceph", "--s3-endpoint", r.endpoint(), "--s3-upload-cutoff", "16Mi",
		"--s3-access-key-id", r.ceph.AccessKey, "--s3-secret-access-key", r.ceph.SecretKey)
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { // else its S3 library follows what is set for another store
		return strings.HasPrefix(v, "AWS_") || strings.HasPrefix(v, "RCLONE_")
	})
	return cmd, nil, nil
}

func (r *rclone) upload(context.Context, file, int) (time.Duration, error) { return 0, errCannot }
func (r *rclone) put(context.Context, string, []byte) error                { return errCannot }
func (r *rclone) offer(context.Context, file) (*http.Request, error)       { return nil, errCannot }

// program measures a program from its start until it is done.
func (t *trial) program(ctx context.Context, cmd *exec.Cmd, done func(context.Context) (bool, error)) (usage, error) {
	t.calm()
	log, err := os.OpenFile(filepath.Join(t.process().dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return usage{}, err
	}
	defer log.Close()
	cmd.Stdout, cmd.Stderr = log, log
	before := t.load()
	u, err := runProgram(ctx, cmd, done)
	t.blame(before, u)
	return u, err
}

// runProgram runs a program until it is through, and ends it where it does not end by itself.
func runProgram(ctx context.Context, cmd *exec.Cmd, done func(context.Context) (bool, error)) (usage, error) {
	dieWithUs(cmd)
	if cmd.Stdout == nil {
		cmd.Stdout, cmd.Stderr = io.Discard, io.Discard
	}
	begun := time.Now()
	if err := cmd.Start(); err != nil {
		return usage{}, err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	var u usage
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for ticks := 1; ; ticks++ {
		u.peak = max(u.peak, peakMemory(cmd.Process.Pid))
		u.written = max(u.written, bytesWritten(cmd.Process.Pid))
		select {
		case err := <-ended:
			if err == nil && done != nil {
				err = errors.New("it ended before it was through")
			}
			u.wall, u.cpu = time.Since(begun), cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime()
			return u, err
		case <-ctx.Done():
			done = func(context.Context) (bool, error) { return true, ctx.Err() }
		case <-tick.C:
		}
		if done == nil || ticks%5 != 0 && ctx.Err() == nil { // asking takes the drive's time
			continue
		}
		through, err := done(ctx)
		if !through && err == nil {
			continue
		}
		u.wall = time.Since(begun)
		_ = cmd.Process.Kill()
		<-ended
		u.cpu = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
		return u, err
	}
}

func cephRows(z sizes) []row {
	movers := []string{nameDrive, nameRclone}
	return []row{
		{name: "stream", title: size(z.big) + " down, streamed from Ceph", peers: []string{nameDrive, nameDirect},
			metrics: []metric{rate, cpuGiB, memory, grown}, run: streamRun(z.big),
			goals: []goal{atLeast("rate", nameDirect, 0.9), atMost("grown", 8)}},
		{name: "move1", title: size(z.big) + " moved to Ceph", peers: movers,
			metrics: []metric{rate, cpuGiB, memory},
			run:     moveRun(z.big, 1), goals: []goal{atLeast("rate", nameRclone, 1), atMost("memory", 64)}},
		{name: "move500", title: fmt.Sprintf("%d files of 1 MiB moved to Ceph", z.moved), peers: movers,
			metrics: []metric{perSec, cpuGiB, memory}, run: moveRun(mib, z.moved),
			goals: []goal{atLeast("per_second", nameRclone, 1), atMost("memory", 64)}},
	}
}

// streamRun measures a download. Where it comes from Ceph itself, the drive has nothing to do with it.
func streamRun(bytes int64) func(context.Context, *trial) error {
	return func(ctx context.Context, t *trial) error {
		err := downloadRun(bytes, 1)(ctx, t)
		if t.live.(*cephDrive).direct {
			t.values = values{"rate": t.values["rate"], "wall": t.values["wall"]}
		}
		return err
	}
}

// moveRun measures bringing files to Ceph that are on the disk already.
func moveRun(bytes int64, n int) func(context.Context, *trial) error {
	return func(ctx context.Context, t *trial) error {
		noise := newNoise()
		files := make([]file, n)
		for i := range files {
			files[i] = t.fileOf(noise, bytes)
		}
		m := t.live.(mover)
		if err := m.take(ctx, files); err != nil {
			return err
		}
		cmd, done, err := m.mover(ctx)
		if err != nil {
			return err
		}
		u, err := t.program(ctx, cmd, done)
		t.note(u, bytes*int64(n))
		t.values["per_second"] = float64(n) / u.wall.Seconds()
		return err
	}
}
