package testenv

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// A Purpose is what programs are needed for.
type Purpose string

// The purposes of tests.
const (
	ForMySQL Purpose = "mysql" // MariaDB
	ForRedis Purpose = "redis"
	ForAMQP  Purpose = "amqp"  // RabbitMQ
	ForS3    Purpose = "s3"    // Ceph
	ForPage  Purpose = "page"  // browsers of three engines, and Node
	ForShell Purpose = "shell" // what README and the examples of deployment use
	ForRace  Purpose = "race"  // the C compiler that go test -race wants
)

// A need is what has to be there for a purpose. It is there when one of each group of programs is, and each kind of file.
type need struct {
	purpose  Purpose
	programs [][]string
	files    []string // patterns
	packages []string // of Debian, which bring all that
}

var needs = []need{
	{ForMySQL, [][]string{{"mariadbd"}, {"mariadb-install-db"}, {"mariadb"}}, nil, []string{"mariadb-server"}},
	{ForRedis, [][]string{{"redis-server"}}, nil, []string{"redis-server"}},
	{ForAMQP, [][]string{{"rabbitmq-server"}, {"epmd"}}, nil, []string{"rabbitmq-server"}},
	{
		ForS3, [][]string{{"ceph-mon"}, {"ceph-osd"}, {"radosgw"}, {"ceph"}, {"monmaptool"}, {"radosgw-admin"}}, nil,
		[]string{"ceph-mon", "ceph-osd", "radosgw"},
	},
	{
		ForPage, [][]string{
			{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"}, {"firefox-esr"}, {"WebKitWebDriver"}, {"Xvfb"}, {"node"},
		}, []string{"/usr/lib/*/webkit2gtk-4.1/MiniBrowser"},
		[]string{"chromium", "firefox-esr", "webkit2gtk-driver", "xvfb", "fonts-noto-cjk", "nodejs"},
	},
	{ForShell, [][]string{{"curl"}, {"openssl"}, {"nginx"}}, nil, []string{"curl", "openssl", "nginx"}},
	{ForRace, [][]string{{"gcc", "clang"}}, []string{"/usr/include/stdlib.h"}, []string{"gcc", "libc6-dev"}},
}

// Purposes returns all of them.
func Purposes() []Purpose {
	var all []Purpose
	for _, n := range needs {
		all = append(all, n.purpose)
	}
	return all
}

// Need returns nil when all programs are installed that some purposes need, else an error that says what to install.
func Need(purposes ...Purpose) error { return check(needs, purposes) }

func check(needs []need, purposes []Purpose) error {
	var errs []error
	for _, p := range purposes {
		i := slices.IndexFunc(needs, func(n need) bool { return n.purpose == p })
		if i < 0 {
			errs = append(errs, fmt.Errorf("testenv: there is no purpose %q, but %q", p, Purposes()))
		} else if missing := needs[i].missing(); len(missing) > 0 {
			errs = append(errs, fmt.Errorf("testenv: %s tests miss %s; Debian has them in: %s",
				p, strings.Join(missing, ", "), strings.Join(needs[i].packages, " ")))
		}
	}
	return errors.Join(errs...)
}

func (n need) missing() []string {
	var missing []string
	for _, group := range n.programs {
		if !slices.ContainsFunc(group, func(name string) bool { return program(name) != name }) {
			missing = append(missing, strings.Join(group, " or "))
		}
	}
	for _, pattern := range n.files {
		if found, err := filepath.Glob(pattern); err != nil || len(found) == 0 {
			missing = append(missing, pattern)
		}
	}
	return missing
}

// before and after the PATH there are further directories of programs. What Debian has on the PATH for RabbitMQ are wrappers
// that insist on a user of their own; the PATH of many users has no servers.
var (
	before = []string{"/usr/lib/rabbitmq/bin"}
	after  = []string{"/usr/local/sbin", "/usr/sbin", "/sbin"}
)

// program returns where a program is, or just its name.
func program(name string) string {
	if path := in(before, name); path != "" {
		return path
	}
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	return cmp.Or(in(after, name), name)
}

func in(dirs []string, name string) string {
	for _, dir := range dirs {
		path := filepath.Join(dir, name)
		if fi, err := os.Stat(path); err == nil && fi.Mode().IsRegular() && fi.Mode()&0o111 != 0 {
			return path
		}
	}
	return ""
}
