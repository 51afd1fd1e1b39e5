package testenv

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// aptGet is what the tests have for apt-get: it writes down how it is called and what the policy says, and installs a program
// unless it shall fail.
const aptGet = `#!/bin/sh
here=$(dirname "$0")
"$here/policy-rc.d" server start
echo "$(basename "$0") $* policy=$? $DEBIAN_FRONTEND" >>"$here/calls"
if [ -e "$here/fail-$1" ]; then exit 100; fi
if [ "$1" = install ]; then printf '#!/bin/sh\n' >"$here/blinkdrive-server"; chmod 755 "$here/blinkdrive-server"; fi
`

const sudo = `#!/bin/sh
echo "sudo" >>"$(dirname "$0")/calls"
exec "$@"
`

var (
	updated   = "apt-get update -q policy=101 noninteractive"
	installed = "apt-get install -qy --no-install-recommends -o DPkg::Lock::Timeout=600 server more policy=101 noninteractive"
)

// An installCase is one run of the installation.
type installCase struct {
	name   string
	root   bool
	files  map[string]string // there before
	calls  []string
	err    string // a part of the error
	policy string // what the policy is before and after
}

// TestInstall runs the installation with an apt-get of its own. It changes the PATH and so is not parallel.
func TestInstall(t *testing.T) {
	for _, c := range []installCase{
		{name: "root", root: true, files: map[string]string{"apt-get": aptGet}, calls: []string{updated, installed}},
		{
			name: "sudo", files: map[string]string{"apt-get": aptGet, "sudo": sudo},
			calls: []string{"sudo", updated, installed},
		},
		{
			name: "a policy of its own", root: true, files: map[string]string{"apt-get": aptGet, "policy-rc.d": "#!/bin/sh\nexit 0\n"},
			calls: []string{updated, installed}, policy: "#!/bin/sh\nexit 0\n",
		},
		{
			name: "killed last time", root: true,
			files: map[string]string{"apt-get": aptGet, "policy-rc.d": "ours", "policy-rc.d.blinkdrive": "#!/bin/sh\nexit 0\n"},
			calls: []string{updated, installed}, policy: "#!/bin/sh\nexit 0\n",
		},
		{
			name: "old lists", root: true, files: map[string]string{"apt-get": aptGet, "fail-update": ""},
			calls: []string{updated, installed},
		},
		{
			name: "no network", root: true, files: map[string]string{"apt-get": aptGet, "fail-update": "", "fail-install": ""},
			calls: []string{updated, installed}, err: "could not install",
		},
		{name: "not Debian", root: true, err: "no apt-get here"},
		{name: "not root", files: map[string]string{"apt-get": aptGet}, err: "no sudo here"},
	} {
		t.Run(c.name, func(t *testing.T) { testInstall(t, c) })
	}
}

func testInstall(t *testing.T, c installCase) {
	bin := t.TempDir()
	for name, text := range c.files {
		if err := os.WriteFile(filepath.Join(bin, name), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	path := bin
	if len(c.calls) > 0 {
		path += ":/usr/bin:/bin"
	}
	t.Setenv("PATH", path)
	a := apt{filepath.Join(bin, "policy-rc.d"), c.root, []need{
		{ForRedis, [][]string{{"blinkdrive-server", "blinkdrive-other"}}, nil, []string{"server", "more"}},
		{ForMySQL, nil, []string{"/"}, []string{"not-missing"}},
	}}
	var out bytes.Buffer
	err := a.install(t.Context(), &out, []Purpose{ForMySQL, ForRedis})
	if c.err == "" && err != nil {
		t.Errorf("%v\n%s", err, out.Bytes())
	}
	const what = "redis tests miss blinkdrive-server or blinkdrive-other; Debian has them in: server more"
	if c.err != "" && (err == nil || !strings.Contains(err.Error(), what) || !strings.Contains(err.Error(), c.err)) {
		t.Errorf("err = %v, want %q and %q\n%s", err, what, c.err, out.Bytes())
	}
	if diff := cmp.Diff(c.calls, lines(t, filepath.Join(bin, "calls"))); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
	if got := strings.Join(lines(t, a.policy), "\n"); got != strings.TrimSpace(c.policy) {
		t.Errorf("afterwards the policy is %q, want %q", got, c.policy)
	}
	if _, err := os.Stat(a.policy + ".blinkdrive"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the policy put aside is left: %v", err)
	}
	if err := a.install(t.Context(), &out, []Purpose{ForMySQL}); err != nil {
		t.Errorf("where nothing is missing: %v", err)
	}
	if err := a.install(t.Context(), &out, []Purpose{"nothing"}); err == nil || !strings.Contains(err.Error(), `no purpose "nothing"`) {
		t.Errorf("a purpose that there is not: %v", err)
	}
	if diff := cmp.Diff(c.calls, lines(t, filepath.Join(bin, "calls"))); diff != "" {
		t.Errorf("calls for nothing (-want +got):\n%s", diff)
	}
}

func lines(t *testing.T, name string) []string {
	t.Helper()
	b, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSpace(string(b)), "\n")
}

func TestNeed(t *testing.T) {
	t.Parallel()
	if err := Need("nothing"); err == nil || !strings.Contains(err.Error(), `no purpose "nothing"`) {
		t.Errorf("a purpose that there is not: %v", err)
	}
	for _, p := range Purposes() {
		for _, n := range needs {
			if n.purpose == p && (len(n.programs) == 0 || len(n.packages) == 0) {
				t.Errorf("%s needs nothing", p)
			}
		}
	}
	err := check([]need{{ForPage, [][]string{{"sh"}}, []string{"/no/such/file"}, []string{"some"}}}, []Purpose{ForPage})
	if err == nil || !strings.Contains(err.Error(), "miss /no/such/file") {
		t.Errorf("a file is missing: %v", err)
	}
}

func TestInstalled(t *testing.T) {
	t.Setenv(EnvPrograms, "redis,s3")
	if err := errors.Join(Installed(), Installed(ForRedis, ForS3)); err != nil {
		t.Error(err)
	}
	if err := Installed(ForS3, ForMySQL); err == nil || !strings.Contains(err.Error(), "mysql") {
		t.Errorf("mysql is not installed: %v", err)
	}
}
