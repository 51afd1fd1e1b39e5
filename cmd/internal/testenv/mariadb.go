package testenv

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
)

// mariadbUsers makes the users before the first start, so that replication does not carry them. ALL would let one write on a
// read-only replica, and one such write ends replication. Without the first line the server knows no users yet.
const mariadbUsers = `FLUSH PRIVILEGES;
CREATE USER test@'%' IDENTIFIED BY 'test', repl@'%' IDENTIFIED BY 'repl';
GRANT ALL ON *.* TO test@'%' WITH GRANT OPTION;
REVOKE READ_ONLY ADMIN ON *.* FROM test@'%';
GRANT REPLICATION SLAVE ON *.* TO repl@'%';
`

// A MariaDB is a server with a read-only replica. What it has acknowledged survives Kill, not a power cut.
type MariaDB struct {
	*Servers
	Primary, Replica *Process
}

// StartMariaDB starts a primary and its replica in a folder of their own below dir (empty: where temporary files are kept).
func StartMariaDB(ctx context.Context, dir string) (*MariaDB, error) {
	if err := Need(ForMySQL); err != nil {
		return nil, err
	}
	s, err := newServers(dir, "mariadb")
	if err != nil {
		return nil, err
	}
	m := &MariaDB{Servers: s}
	if err := s.closeOn(m.start(ctx)); err != nil {
		return nil, err
	}
	return m, nil
}

func (m *MariaDB) start(ctx context.Context) error {
	if err := m.install(ctx); err != nil {
		return err
	}
	for i, p := range []**Process{&m.Primary, &m.Replica} {
		addr, err := m.ports.addr()
		if err != nil {
			return err
		}
		name := []string{"primary", "replica"}[i]
		*p = m.add(&Process{Name: name, Addr: addr, argv: m.command(name, i, addr), ready: func(ctx context.Context) error {
			return greets(ctx, addr)
		}})
	}
	if err := m.Start(ctx); err != nil {
		return err
	}
	host, port, _ := strings.Cut(m.Primary.Addr, ":")
	_, err := m.sql(ctx, m.Replica, fmt.Sprintf("CHANGE MASTER TO MASTER_HOST='%s', MASTER_PORT=%s, MASTER_USER='repl', "+
		"MASTER_PASSWORD='repl', MASTER_USE_GTID=slave_pos, MASTER_CONNECT_RETRY=1; START SLAVE", host, port))
	if err != nil {
		return err
	}
	return m.Sync(ctx)
}

// asRoot is what MariaDB's programs want to be told by root.
func asRoot() []string {
	if os.Getuid() == 0 {
		return []string{"--user=root"}
	}
	return nil
}

// install makes two data directories that are the same.
func (m *MariaDB) install(ctx context.Context) error {
	users := m.path("users.sql")
	if err := os.WriteFile(users, []byte(mariadbUsers), 0o600); err != nil {
		return fmt.Errorf("testenv: %w", err)
	}
	// A server that starts removes what others have in its directory of temporary tables, also while they use it.
	for _, name := range []string{"primary.tmp", "replica.tmp"} {
		if err := os.Mkdir(m.path(name), 0o700); err != nil {
			return fmt.Errorf("testenv: %w", err)
		}
	}
	args := append([]string{"--no-defaults"}, asRoot()...)
	args = append(args, "--datadir="+m.path("primary"), "--tmpdir="+m.path("primary.tmp"), "--extra-file="+users, "--innodb-log-file-size=16M", "--skip-test-db",
		"--skip-name-resolve", "--auth-root-authentication-method=normal")
	if _, err := m.tool(ctx, exec.CommandContext(ctx, program("mariadb-install-db"), args...)); err != nil {
		return err
	}
	if err := os.CopyFS(m.path("replica"), os.DirFS(m.path("primary"))); err != nil {
		return fmt.Errorf("testenv: %w", err)
	}
	return nil
}

// command says how to start one of the two. Its socket lies in its data directory, and is named from there since the names of
// sockets must be short.
func (m *MariaDB) command(name string, i int, addr string) []string {
	host, port, _ := strings.Cut(addr, ":")
	argv := append([]string{program("mariadbd"), "--no-defaults"}, asRoot()...)
	return append(argv, "--bind-address="+host, "--port="+port, "--datadir="+m.path(name), "--socket=socket",
		"--tmpdir="+m.path(name+".tmp"), "--skip-name-resolve", "--character-set-server=utf8mb4",
		"--collation-server=utf8mb4_unicode_ci", "--max-connections=500", "--innodb-buffer-pool-size=128M",
		"--innodb-log-file-size=16M", "--innodb-flush-log-at-trx-commit=2", "--gtid-strict-mode=1", "--log-bin=bin",
		"--binlog-format=ROW", "--log-slave-updates=1", "--relay-log=relay", "--server-id="+strconv.Itoa(i+1),
		"--read-only="+strconv.Itoa(i))
}

// greets tells whether a server that speaks MySQL's protocol takes connections: its first packet has version 10.
func greets(ctx context.Context, addr string) error {
	b, err := exchange(ctx, addr, "", 5)
	if err != nil {
		return err
	}
	if b[4] != 10 {
		return fmt.Errorf("it greets with %d", b[4])
	}
	return nil
}

// DSN returns where a database is on the primary, or with an empty name the server, for go-sql-driver/mysql. The user may do
// what root may, but not write on the replica.
func (m *MariaDB) DSN(database string) string { return dsn(m.Primary, database) }

// ReplicaDSN is DSN on the replica.
func (m *MariaDB) ReplicaDSN(database string) string { return dsn(m.Replica, database) }

func dsn(p *Process, database string) string {
	return "test:test@tcp(" + p.Addr + ")/" + database
}

// StopReplication lets the replica fall behind from now on.
func (m *MariaDB) StopReplication(ctx context.Context) error {
	_, err := m.sql(ctx, m.Replica, "STOP SLAVE")
	return err
}

// StartReplication lets the replica catch up.
func (m *MariaDB) StartReplication(ctx context.Context) error {
	_, err := m.sql(ctx, m.Replica, "START SLAVE")
	return err
}

// Sync waits until the replica has all that the primary had at the call.
func (m *MariaDB) Sync(ctx context.Context) error {
	position, err := m.sql(ctx, m.Primary, "SELECT @@gtid_binlog_pos")
	if err != nil {
		return err
	}
	return until(ctx, func(ctx context.Context) error {
		out, err := m.sql(ctx, m.Replica, "SELECT MASTER_GTID_WAIT('"+position+"', 1)")
		if err == nil && out != "0" {
			err = errors.New("the replica is behind")
		}
		return err
	})
}

// SQL runs statements on the primary and returns what they print, in the form of the mariadb program with -N.
func (m *MariaDB) SQL(ctx context.Context, statements string) (string, error) {
	return m.sql(ctx, m.Primary, statements)
}

func (m *MariaDB) sql(ctx context.Context, p *Process, statements string) (string, error) {
	host, port, _ := strings.Cut(p.Addr, ":")
	cmd := exec.CommandContext(ctx, program("mariadb"), "--no-defaults", "--protocol=tcp", "--host="+host, "--port="+port,
		"--user=test", "--batch", "--skip-column-names", "--execute="+statements)
	cmd.Env = m.folder.Env("MYSQL_PWD=test")
	out, err := m.tool(ctx, cmd)
	return strings.TrimSpace(string(out)), err
}
