package sqldb_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/blinkdrive/blinkdrive/store/sqldb"
)

func TestSourceTakesDSNs(t *testing.T) {
	t.Parallel()
	for dsn, want := range map[string]string{
		"app:s3cret@tcp(127.0.0.1:3306)/drive":                    "mysql:app@tcp(127.0.0.1:3306)/drive",
		"app:s3cret@tcp(db)/drive?tls=skip-verify&readTimeout=3s": "mysql:app@tcp(db:3306)/drive",
		"app:s3c/r@e:t?@tcp(db)/drive":                            "mysql:app@tcp(db:3306)/drive",
		"app:s3cret@unix(/run/mysqld/mysqld.sock)/drive":          "mysql:app@unix(/run/mysqld/mysqld.sock)/drive",
		"app:s3cret@tcp(db)/drive?charset=latin1&parseTime=true":  "mysql:app@tcp(db:3306)/drive",
		"app:s3cret@tcp(db)/drive?clientFoundRows=false":          "mysql:app@tcp(db:3306)/drive",
		"app:s3cret@tcp(db)/drive?wait_timeout=7&compress=1":      "mysql:app@tcp(db:3306)/drive",
	} {
		src, err := sqldb.MySQL(dsn)
		if err != nil || src.String() != want || !src.IsMySQL() {
			t.Errorf("%s is %v, %v, want %s", dsn, src, err, want)
		}
		for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
			if shown := fmt.Sprintf(verb, src); strings.Contains(shown, "s3c") {
				t.Errorf("%s shows the password: %s", verb, shown)
			}
		}
	}
	if src := sqldb.SQLite("a.db"); src.IsMySQL() || src.String() != "a.db" || src.IsZero() || !(sqldb.Source{}).IsZero() {
		t.Errorf("source is %v", src)
	}
}

func TestSourceRefusesDSNs(t *testing.T) {
	t.Parallel()
	for dsn, want := range map[string]string{
		"app:s3cret@tcp(db)/":                            "must name a database",
		"app:s3cret@tcp(db)/drive?multiStatements=true":  "multiStatements",
		"app:s3cret@tcp(db)/drive?allowAllFiles=true":    "allowAllFiles",
		"app:s3cret@tcp(db)/drive?sql_mode=''":           "sql_mode is set by the program",
		"app:s3cret@tcp(db)/drive?AUTOCOMMIT=0":          "autocommit is set by the program",
		"app:s3cret@tcp(db)/drive?tx_isolation='x'":      "tx_isolation",
		"app:s3cret@tcp(db)/drive?foreign_key_checks=0":  "foreign_key_checks",
		"app:s3cret@tcp(db)/drive?readTimeout=s3cret":    "invalid DSN",
		"app:s3cret@tcp(db)/drive?tls=s3cret":            "invalid DSN",
		"app:s3cret/more@tcp(db)":                        "invalid DSN",
		"app:s3cret@tcp(db":                              "invalid DSN",
		"app:s3cret":                                     "invalid DSN",
		"s3cret/drive?parseTime=perhaps":                 "invalid DSN",
		"app:s3cret@tcp(db)/%zzs3cret":                   "invalid DSN",
		"app:s3cret@tcp(db)/drive?collation=%zz&tls=%zz": "invalid DSN",
	} {
		src, err := sqldb.MySQL(dsn)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: %v, %v, want %q", dsn, src, err, want)
		}
	}
}
