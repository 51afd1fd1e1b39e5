package sqldb

import (
	"database/sql"
	"fmt"
	"strings"
	"testing"
	"time"
)

// Whatever the server and the DSN say, our connections are as the statements need them.
func TestMySQLSession(t *testing.T) {
	t.Parallel()
	s := newMySQLServer(t)
	name := s.take(t, t)
	c := s.config.Clone()
	c.DBName = name
	src, err := MySQL(c.FormatDSN() + strings.Repeat("?", 1-min(1, strings.Count(c.FormatDSN(), "?"))) +
		"&charset=latin1&collation=latin1_swedish_ci&clientFoundRows=false&interpolateParams=false&parseTime=true&wait_timeout=77")
	ok(t, err)
	db, err := Open(t.Context(), Options{Source: src, Pool: Pool{Conns: 3, Life: time.Minute}})
	ok(t, err)
	defer db.Close()
	isolation := "@@tx_isolation"
	if _, err := db.r.Exec("SELECT " + isolation); err != nil {
		isolation = "@@transaction_isolation" // MySQL 8
	}
	for name, want := range map[string][2]string{
		isolation:                    {"READ-COMMITTED", "REPEATABLE-READ"},
		"@@autocommit":               {"1", "1"},
		"@@foreign_key_checks":       {"1", "1"},
		"@@character_set_client":     {"utf8mb4", "utf8mb4"},
		"@@character_set_connection": {"utf8mb4", "utf8mb4"},
		"@@innodb_lock_wait_timeout": {fmt.Sprint(lockWait), fmt.Sprint(lockWait)},
		"@@wait_timeout":             {fmt.Sprint(quiet.Seconds()), fmt.Sprint(quiet.Seconds())},
		"@@sql_mode LIKE '%STRICT_ALL_TABLES%' AND @@sql_mode NOT LIKE '%NO_BACKSLASH%'": {"1", "1"},
	} {
		for i, pool := range []*sql.DB{db.w, db.r} {
			var got string
			if err := pool.QueryRow("SELECT " + name).Scan(&got); err != nil || got != want[i] {
				t.Errorf("%s is %q, %v, want %q", name, got, err, want[i])
			}
		}
	}
	if w, r := db.w.Stats().MaxOpenConnections, db.r.Stats().MaxOpenConnections; w != 2 || r != 2 {
		t.Errorf("%d and %d connections", w, r)
	}
	if _, err := db.w.Exec("SELECT 1; SELECT 2"); err == nil {
		t.Error("the pool takes several statements at once")
	}
	res, err := db.w.Exec("UPDATE tbl_beat SET beat = beat WHERE id = 1")
	ok(t, err)
	if n, err := res.RowsAffected(); n != 1 || err != nil {
		t.Errorf("%d rows are found, %v", n, err)
	}
}

func TestMySQLDurability(t *testing.T) {
	t.Parallel()
	s := newMySQLServer(t)
	db := s.open(t, t)
	var flush, binlog, log int
	ok(t, s.root.QueryRow(`SELECT @@innodb_flush_log_at_trx_commit, @@sync_binlog, @@log_bin`).Scan(&flush, &binlog, &log))
	want := 0
	if flush != 1 {
		want++
	}
	if log == 1 && binlog != 1 {
		want++
	}
	if got := db.durability(t.Context()); len(got) != want {
		t.Errorf("warnings: %q, but flush %d, binlog %d, sync %d", got, flush, log, binlog)
	}
}
