package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/blinkdrive/blinkdrive/cmd/internal/testenv"
)

// The names of the peers, as tables have them.
const (
	nameDrive  = "blinkdrive"
	nameBefore = "before"
	nameRaw    = "raw"
	nameHash   = "raw+hash"
	nameTusd   = "tusd"
	nameNginx  = "nginx"
	nameRclone = "rclone"
	nameDirect = "direct"
)

// A peer is a server that can be measured.
type peer struct {
	name  string
	start func(ctx context.Context, dir string) (live, error)
}

// A live peer runs. What it cannot do it answers with errCannot.
type live interface {
	process() *process
	// upload brings a file of size bytes in chunks, and returns how long the last step took, which makes it durable.
	upload(ctx context.Context, f file, conns int) (complete time.Duration, err error)
	// put brings a small file in one request.
	put(ctx context.Context, name string, body []byte) error
	// offer makes a file of size bytes and returns a request that downloads it.
	offer(ctx context.Context, f file) (*http.Request, error)
}

var errCannot = errors.New("this peer cannot do that")

// findPeers builds or finds the servers. One that there is not is left out, with a word about it.
func (b *bench) findPeers(ctx context.Context) (map[string]peer, error) {
	if b.ceph {
		return b.findCephPeers(ctx)
	}
	list := []peer{b.rawPeer(nameRaw, false), b.rawPeer(nameHash, true)}
	bin, err := b.buildDrive(ctx)
	if err != nil {
		return nil, err
	}
	list = append(list, peer{nameDrive, func(ctx context.Context, dir string) (live, error) { return b.startDrive(ctx, bin, dir) }})
	if b.before != "" {
		list = append(list, peer{nameBefore, func(ctx context.Context, dir string) (live, error) { return b.startDrive(ctx, b.before, dir) }})
	}
	if bin, err := b.findTusd(ctx); err != nil {
		b.tell("tusd is left out: %v", err)
	} else {
		list = append(list, peer{nameTusd, func(ctx context.Context, dir string) (live, error) { return startTusd(ctx, bin, dir) }})
	}
	if bin, err := lookServer("nginx"); err != nil {
		b.tell("nginx is left out: it is not installed")
	} else {
		list = append(list, peer{nameNginx, func(ctx context.Context, dir string) (live, error) { return startNginx(ctx, bin, dir) }})
	}
	return byName(list), nil
}

// lookServer finds a program that may be where the PATH of many users does not lead.
func lookServer(name string) (string, error) {
	if bin, err := exec.LookPath(name); err == nil {
		return bin, nil
	}
	return exec.LookPath(filepath.Join("/usr/sbin", name))
}

func byName(list []peer) map[string]peer {
	peers := map[string]peer{}
	for _, p := range list {
		peers[p.name] = p
	}
	return peers
}

func (b *bench) rawPeer(name string, hash bool) peer {
	return peer{name, func(ctx context.Context, dir string) (live, error) {
		p, err := launchSelf(ctx, dir, hash)
		return &raw{proc: p, http: newHTTP()}, err
	}}
}

func (b *bench) buildDrive(ctx context.Context) (string, error) {
	if b.bin != "" {
		return filepath.Abs(b.bin)
	}
	b.tell("building the drive")
	return testenv.Build(ctx, b.dir)
}

// tusdModule is a module that needs tusd and nothing else: it is not to get among the drive's own dependencies.
const tusdModule = `module yardstick

go 1.25

require github.com/tus/tusd/v2 v2.9.2
`

// findTusd builds tusd. In the smoke setting that would take longer than all the rest.
func (b *bench) findTusd(ctx context.Context) (string, error) {
	switch {
	case b.tusd == "none":
		return "", errors.New("it is not wanted")
	case b.tusd != "":
		return filepath.Abs(b.tusd)
	case b.short:
		return "", errors.New("it is not built with -short; name it with -tusd")
	}
	b.tell("building tusd from its Go module; the first time this takes minutes")
	dir := filepath.Join(b.dir, "tusd-module")
	if err := os.Mkdir(dir, 0o755); err != nil {
		return "", err
	}
	if err := os.WriteFile(filepath.Join(dir, "go.mod"), []byte(tusdModule), 0o644); err != nil {
		return "", err
	}
	bin := filepath.Join(b.dir, "tusd")
	cmd := exec.CommandContext(ctx, "go", "build", "-mod=mod", "-o", bin, "github.com/tus/tusd/v2/cmd/tusd")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("the module proxy does not give it: %w: %s", err, out[max(0, len(out)-300):])
	}
	return bin, nil
}
