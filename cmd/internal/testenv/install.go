package testenv

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
)

// installer keeps the distribution's own servers from being started: Debian's packages ask policy-rc.d, and 101 is no. A policy
// that is there already is put aside, and back at the end, which also mends what a killed run has left. The directory is locked
// against other runs, which leaves no file behind.
const installer = `set -eu
policy=$1
aside=$policy.blinkdrive
shift
exec 9<"$(dirname "$policy")"
flock 9
if [ ! -e "$aside" ] && [ -e "$policy" ]; then mv "$policy" "$aside"; fi
restore() {
	rm -f "$policy"
	if [ -e "$aside" ]; then mv "$aside" "$policy"; fi
}
trap restore EXIT
trap 'exit 1' HUP INT TERM
printf '#!/bin/sh\nexit 101\n' >"$policy"
chmod 755 "$policy"
export DEBIAN_FRONTEND=noninteractive
apt-get update -q 9<&- || echo "apt-get update failed; going on with the lists that are here"
apt-get install -qy --no-install-recommends -o DPkg::Lock::Timeout=600 "$@" 9<&-
`

// An apt installs packages.
type apt struct {
	policy string // what Debian's packages ask whether they may start a server
	root   bool   // sudo is not needed
	needs  []need
}

// Install installs the Debian packages of what is missing for some purposes, as root or through sudo, without starting a server.
// It does nothing when nothing is missing. The packages' own words go to out. An installation that has begun is ended even when
// ctx is done.
func Install(ctx context.Context, out io.Writer, purposes ...Purpose) error {
	return apt{"/usr/sbin/policy-rc.d", os.Getuid() == 0, needs}.install(ctx, out, purposes)
}

func (a apt) install(ctx context.Context, out io.Writer, purposes []Purpose) error {
	missing := check(a.needs, purposes)
	if missing == nil {
		return nil
	}
	if len(packages(a.needs, purposes)) == 0 {
		return missing
	}
	argv, err := a.command(purposes)
	if err != nil {
		return fmt.Errorf("%w\ntestenv: %w", missing, err)
	}
	if ctx.Err() != nil {
		return fmt.Errorf("testenv: %w", ctx.Err())
	}
	fmt.Fprintf(out, "installing %s\n", strings.Join(packages(a.needs, purposes), " "))
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, out, out
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%w\ntestenv: apt-get could not install them: %w", missing, err)
	}
	return check(a.needs, purposes)
}

func (a apt) command(purposes []Purpose) ([]string, error) {
	argv := append([]string{"/bin/sh", "-c", installer, "sh", a.policy}, packages(a.needs, purposes)...)
	if _, err := exec.LookPath("apt-get"); err != nil {
		return nil, errors.New("there is no apt-get here to install them")
	}
	if a.root {
		return argv, nil
	}
	if _, err := exec.LookPath("sudo"); err != nil {
		return nil, errors.New("only root can install them, and there is no sudo here")
	}
	return append([]string{"sudo"}, argv...), nil
}

// packages are those of the purposes for which something is missing.
func packages(needs []need, purposes []Purpose) []string {
	var names []string
	for _, n := range needs {
		if slices.Contains(purposes, n.purpose) && len(n.missing()) > 0 {
			names = append(names, n.packages...)
		}
	}
	return names
}
