package testenv

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// The variables by which tests are told of servers that they share.
const (
	EnvServers      = "BLINKDRIVE_TEST_SERVERS"  // "required": a test that misses one of the others fails
	EnvPrograms     = "BLINKDRIVE_TEST_PROGRAMS" // the purposes, separated by commas, for which programs are installed
	EnvMySQL        = "BLINKDRIVE_TEST_MYSQL_DSN"
	EnvMySQLReplica = "BLINKDRIVE_TEST_MYSQL_REPLICA_DSN"
	EnvRedis        = "BLINKDRIVE_TEST_REDIS_ADDR"
	EnvRedisCluster = "BLINKDRIVE_TEST_REDIS_CLUSTER_ADDRS"
	EnvAMQP         = "BLINKDRIVE_TEST_AMQP_URL"
	EnvS3           = "BLINKDRIVE_TEST_S3_URL"
	EnvS3TLS        = "BLINKDRIVE_TEST_S3_TLS_URL"
	EnvS3CA         = "BLINKDRIVE_TEST_S3_CA"
)

// Installed returns nil where tests run with the programs of some purposes at hand, so that they can start servers of their
// own. Otherwise it returns why such a test is to be skipped.
func Installed(purposes ...Purpose) error {
	have := strings.Split(os.Getenv(EnvPrograms), ",")
	for _, p := range purposes {
		if !slices.Contains(have, string(p)) {
			return fmt.Errorf("%s does not have %s: make test installs the programs and sets it", EnvPrograms, p)
		}
	}
	return nil
}

// A server is what a Start… function returns.
type server interface {
	Close() error
	Crashed() error
}

// A share starts a server unless every one of its variables has a value, and gives values to those that have none.
type share struct {
	purpose   Purpose
	variables []string
	start     func(ctx context.Context, dir string) (server, []string, error)
}

var shares = []share{
	{ForMySQL, []string{EnvMySQL, EnvMySQLReplica}, shareMySQL},
	{ForRedis, []string{EnvRedis}, shareRedis},
	{ForRedis, []string{EnvRedisCluster}, shareRedisCluster},
	{ForAMQP, []string{EnvAMQP}, shareRabbit},
	{ForS3, []string{EnvS3, EnvS3TLS, EnvS3CA}, shareCeph},
}

func shareMySQL(ctx context.Context, dir string) (server, []string, error) {
	m, err := StartMariaDB(ctx, dir)
	if err != nil {
		return nil, nil, err
	}
	return m, []string{m.DSN(""), m.ReplicaDSN("")}, nil
}

func shareRedis(ctx context.Context, dir string) (server, []string, error) {
	r, err := StartRedis(ctx, dir)
	if err != nil {
		return nil, nil, err
	}
	return r, []string{r.URL()}, nil
}

func shareRedisCluster(ctx context.Context, dir string) (server, []string, error) {
	c, err := StartRedisCluster(ctx, dir)
	if err != nil {
		return nil, nil, err
	}
	return c, []string{c.URL()}, nil
}

func shareRabbit(ctx context.Context, dir string) (server, []string, error) {
	r, err := StartRabbit(ctx, dir)
	if err != nil {
		return nil, nil, err
	}
	return r, []string{r.URL()}, nil
}

func shareCeph(ctx context.Context, dir string) (server, []string, error) {
	c, err := StartCeph(ctx, dir)
	if err != nil {
		return nil, nil, err
	}
	return c, []string{c.URL(), c.TLSURL(), c.CAFile}, nil
}

// missing returns the variables without a value. A TLS endpoint without an authority named has a public one.
func (s share) missing(env map[string]string) []string {
	return slices.DeleteFunc(slices.Clone(s.variables), func(v string) bool {
		return env[v] != "" || v == EnvS3CA && env[EnvS3TLS] != ""
	})
}

// A Shared is a set of servers for a command and all that it starts, for instance for the tests of many packages.
type Shared struct {
	folder   *Folder
	programs []string

	mu      sync.Mutex
	env     map[string]string // the variables of servers, also those that were set before
	servers []server
}

// Share installs what is missing for some purposes and starts their servers, but for those that variables of this process name
// already. What it does goes to out.
func Share(ctx context.Context, out io.Writer, purposes ...Purpose) (*Shared, error) {
	s := &Shared{env: map[string]string{}}
	wanted := s.want(purposes)
	if err := s.install(ctx, out, wanted, purposes); err != nil {
		return nil, err
	}
	var err error
	if s.folder, err = NewFolder("", "tests"); err != nil {
		return nil, err
	}
	if err = os.Mkdir(s.temporary(), 0o700); err == nil {
		err = s.start(ctx, out, wanted)
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// want returns what is to be started.
func (s *Shared) want(purposes []Purpose) []share {
	for _, sh := range shares {
		for _, v := range sh.variables {
			s.env[v] = os.Getenv(v)
		}
	}
	if s.env[EnvMySQLReplica] == "" {
		// Somebody else's primary is given no replica, but can do what one does.
		s.env[EnvMySQLReplica] = s.env[EnvMySQL]
	}
	return slices.DeleteFunc(slices.Clone(shares), func(sh share) bool {
		return !slices.Contains(purposes, sh.purpose) || len(sh.missing(s.env)) == 0
	})
}

// install installs what is to be started, and what needs no server.
func (s *Shared) install(ctx context.Context, out io.Writer, wanted []share, purposes []Purpose) error {
	var needed []Purpose
	var variables []string
	for _, p := range purposes {
		served := func(sh share) bool { return sh.purpose == p }
		if slices.ContainsFunc(wanted, served) || !slices.ContainsFunc(shares, served) {
			needed = append(needed, p)
		}
	}
	for _, sh := range wanted {
		if Need(sh.purpose) != nil {
			variables = append(variables, sh.missing(s.env)...)
		}
	}
	if err := Install(ctx, out, needed...); err != nil {
		if len(variables) > 0 {
			err = fmt.Errorf("%w\ninstall the packages, or name servers in %s", err, strings.Join(variables, ", "))
		}
		return err
	}
	for _, p := range Purposes() {
		if Need(p) == nil {
			s.programs = append(s.programs, string(p))
		}
	}
	return nil
}

// start starts all at once. The first failure ends it, and is what it returns.
func (s *Shared) start(ctx context.Context, out io.Writer, wanted []share) error {
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	begin := time.Now()
	var wg sync.WaitGroup
	for _, sh := range wanted {
		wg.Go(func() {
			if err := s.startOne(ctx, sh); err != nil {
				fail(err)
			}
		})
	}
	wg.Wait()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if len(wanted) > 0 {
		fmt.Fprintf(out, "servers for the tests: ready after %.1f s\n", time.Since(begin).Seconds())
	}
	return nil
}

func (s *Shared) startOne(ctx context.Context, sh share) error {
	server, values, err := sh.start(ctx, s.folder.Path)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.servers = append(s.servers, server)
	missing := sh.missing(s.env)
	for i, v := range sh.variables {
		if slices.Contains(missing, v) {
			s.env[v] = values[i]
		}
	}
	return nil
}

// temporary is where the command and all that it starts keep their temporary files, so that none stays.
func (s *Shared) temporary() string { return filepath.Join(s.folder.Path, "tmp") }

// Env returns the environment for the command.
func (s *Shared) Env() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	env := s.folder.Env("TMPDIR="+s.temporary(), EnvServers+"=required", EnvPrograms+"="+strings.Join(s.programs, ","))
	for name, value := range s.env {
		env = append(env, name+"="+value)
	}
	return env
}

// Close stops all, also what the command has left running. It returns an error if a server had ended before.
func (s *Shared) Close() error {
	errs := make([]error, len(s.servers))
	var wg sync.WaitGroup
	for i, server := range s.servers {
		wg.Go(func() { errs[i] = errors.Join(server.Crashed(), server.Close()) })
	}
	wg.Wait()
	return errors.Join(append(errs, s.folder.Close())...)
}
