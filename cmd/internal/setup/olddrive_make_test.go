package setup_test

import (
	"bytes"
	"compress/gzip"
	"database/sql"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"golang.org/x/tools/txtar"

	"github.com/blinkdrive/blinkdrive/cmd/internal/setup"
	"github.com/blinkdrive/blinkdrive/config"
	"github.com/blinkdrive/blinkdrive/handler/client"
	"github.com/blinkdrive/blinkdrive/store/storetest"
)

var oldDriveName = flag.String("old-drive", "", "write a drive of this version to testdata/drives under this `name`")

// TestMakeOldDrive writes a drive of the present version for TestOldDrives of later ones. It is run once per release, at
// the released commit, with the servers of the tests:
//
//	go run ./cmd/internal/testenv/with -- go test ./cmd/internal/setup -run TestMakeOldDrive -old-drive 2026-11-30
//
// The name is the day of the commit: 2026-11-30 is 60d25d1. The drive is used through its API, with SQLite. The rows for
// MySQL are those that `migrate copy` makes of it, in the tables that MySQL's migrations create. What a release adds that
// needs a place in an old drive is added to oldDrive.fill.
func TestMakeOldDrive(t *testing.T) {
	t.Parallel()
	if *oldDriveName == "" {
		t.Skip("-old-drive does not name one to write")
	}
	server := storetest.Server(t, "BLINKDRIVE_TEST_MYSQL_DSN")
	o := &oldDrive{t: t, cfg: emptyDrive(t)}
	o.cfg.UploadTTL, o.cfg.TokenTTL, o.cfg.URLTTL = forAges, forAges, forAges
	o.fill()
	dsn := storetest.WithDatabase(t, server, storetest.NewDatabase(t, server))
	if err := setup.MigrateCopy(t.Context(), o.cfg, "mysql:"+dsn, func(string, int64) {}); err != nil {
		t.Fatal(err)
	}
	want, err := json.MarshalIndent(o.want, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	a := &txtar.Archive{
		Comment: []byte("A drive as an earlier version left it. TestMakeOldDrive wrote it for TestOldDrives.\n\n"),
		Files:   []txtar.File{{Name: oldExpected, Data: append(want, '\n')}},
	}
	a.Files = append(a.Files, txtar.File{Name: oldSQLite, Data: dumpSQLite(t, filepath.Join(o.cfg.Data, "blinkdrive.db"))})
	a.Files = append(a.Files, txtar.File{Name: oldMySQL, Data: dumpMySQL(t, dsn)})
	a.Files = append(a.Files, diskFiles(t, o.cfg.Data)...)
	if err := os.WriteFile(filepath.Join(oldDrives, *oldDriveName+".txtar"), txtar.Format(a), 0o644); err != nil {
		t.Fatal(err)
	}
}

// An oldDrive is being made.
type oldDrive struct {
	t    *testing.T
	cfg  config.Config
	want expected
}

// fill uses the drive in two runs: what is finished in the first is moved to the object store, what comes in the second
// waits for that. No sweeper runs, so garbage stays.
func (o *oldDrive) fill() {
	alice := &expectedUser{Name: "alice", Password: "correct horse"}
	bob := &expectedUser{Name: "bob", Password: "battery staple"}
	o.run([]string{"api", "transfer"}, func(url string) {
		for _, u := range []*expectedUser{alice, bob} {
			c := newClient(o.t, url, "")
			o.check(c.Signup(o.t.Context(), u.Name, u.Password))
			_, err := c.Signin(o.t.Context(), u.Name, u.Password)
			o.check(err)
			u.Token = c.Token()
		}
		o.finish(url, alice)
	})
	o.run([]string{"api"}, func(url string) {
		o.use(newClient(o.t, url, alice.Token), alice)
		c := newClient(o.t, url, bob.Token)
		o.form(c, "/", "report.txt", "bob's own.txt") // the first is alice's content, too
		o.remember(c, bob)
	})
	o.want.Users = []expectedUser{*alice, *bob}
	o.garbage()
}

func (o *oldDrive) check(err error) {
	o.t.Helper()
	if err != nil {
		o.t.Fatal(err)
	}
}

func (o *oldDrive) run(roles []string, use func(url string)) {
	o.t.Helper()
	o.cfg.Roles = roles
	d := open(o.t, o.cfg)
	url, stop := background(o.t, d)
	use(url)
	stop()
	o.check(d.Close())
}

// finish uploads a file in chunks and waits until it is in the object store.
func (o *oldDrive) finish(url string, u *expectedUser) {
	o.t.Helper()
	c := newClient(o.t, url, u.Token)
	const name, chunk = "moved.txt", 256 << 10
	b := oldBytes(name, chunk+1000)
	f := finishedUpload{Digest: sha1Hex(b), Name: name, Size: int64(len(b))}
	target := client.Target{Name: name, Modified: time.Date(2020, 2, 3, 4, 5, 6, 0, time.UTC)}
	in, err := c.Init(o.t.Context(), client.InitRequest{Target: target, Digest: f.Digest, Size: f.Size, ChunkSize: chunk})
	o.check(err)
	f.UploadID = in.UploadID
	for i := 1; i <= in.ChunkCount; i++ {
		putOld(o.t, c, in.UploadID, b, i, in.ChunkSize)
	}
	m, err := c.Complete(o.t.Context(), client.CompleteRequest{UploadID: f.UploadID, Digest: f.Digest, Size: f.Size})
	o.check(err)
	f.Entry = m.ID
	u.Finished = append(u.Finished, f)
	eventually(o.t, "the file is moved", func() bool {
		m, err := c.Meta(o.t.Context(), client.ByID(f.Entry))
		return err == nil && m.Location == "disk"
	})
}

// use brings a user's tree into every state that an entry or upload can be in.
func (o *oldDrive) use(c *client.Client, u *expectedUser) {
	o.t.Helper()
	for _, folder := range []string{"/docs/deep", "/empty folder", "/old/inner"} {
		o.check(c.Mkdir(o.t.Context(), folder))
	}
	o.form(c, "/docs", "report.txt", "Müller 报告 😀.txt", "empty")
	o.form(c, "/docs/deep", "notes.txt", "100% 'quoted' \\.txt")
	o.form(c, "/old", "before.txt", "b.txt")
	o.form(c, "/old/inner", "a.txt")
	o.form(c, "/", "gone.txt", "renamed from.txt", "deleted.txt")
	_, err := c.Rename(o.t.Context(), o.at(c, "/renamed from.txt"), "renamed.txt")
	o.check(err)
	to := client.CopyTarget{Folder: "/docs/deep", Name: "report again.txt"}
	_, err = c.Copy(o.t.Context(), o.at(c, "/docs/report.txt"), to)
	o.check(err)
	o.uploads(c)
	o.links(c, u)
	o.trash(c, u)
	o.remember(c, u)
}

// form uploads files whose bytes follow from their names.
func (o *oldDrive) form(c *client.Client, folder string, names ...string) {
	o.t.Helper()
	var files []client.FormFile
	for i, name := range names {
		size := 200 + 10*i
		if name == "empty" {
			size = 0
		}
		content, modified := bytes.NewReader(oldBytes(name, size)), time.Unix(1_600_000_000+int64(i), 0)
		files = append(files, client.FormFile{Name: name, Content: content, Modified: modified})
	}
	_, err := c.UploadForm(o.t.Context(), folder, files...)
	o.check(err)
}

func (o *oldDrive) at(c *client.Client, path string) client.Ref {
	o.t.Helper()
	m, err := c.MetaAt(o.t.Context(), path)
	o.check(err)
	return client.ByID(m.ID)
}

// uploads opens uploads: with and without a digest, with a chunk in the middle or the last one held, with none, and one
// that is cancelled.
func (o *oldDrive) uploads(c *client.Client) {
	o.t.Helper()
	const chunk = 256 << 10
	for _, u := range []struct {
		name      string
		size      int
		digest    bool
		held      []int
		cancelled bool
	}{
		{name: "with digest.bin", size: 2*chunk + 500, digest: true, held: []int{1, 3}},
		{name: "without digest.bin", size: 2*chunk + 700, held: []int{2}},
		{name: "nothing held.bin", size: chunk + 1, digest: true},
		{name: "all held.bin", size: chunk + 300, digest: true, held: []int{1, 2}},
		{name: "cancelled.bin", size: 1000, digest: true, held: []int{1}, cancelled: true},
	} {
		b := oldBytes(u.name, u.size)
		r := client.InitRequest{Target: client.Target{Name: u.name, Path: "/docs"}, Size: int64(u.size), ChunkSize: chunk}
		if u.digest {
			r.Digest, r.Modified = sha1Hex(b), time.Date(2021, 1, 2, 3, 4, 5, 0, time.UTC)
		}
		in, err := c.Init(o.t.Context(), r)
		o.check(err)
		for _, i := range u.held {
			putOld(o.t, c, in.UploadID, b, i, in.ChunkSize)
		}
		if u.cancelled {
			o.check(c.Cancel(o.t.Context(), in.UploadID))
		}
	}
}

// links makes links to a file that waits to be moved, one that was, and an archive of both.
func (o *oldDrive) links(c *client.Client, u *expectedUser) {
	o.t.Helper()
	waiting, moved := o.at(c, "/docs/report.txt"), o.at(c, "/moved.txt")
	for _, r := range []client.Ref{waiting, moved, client.ByID(waiting.ID + "," + moved.ID)} {
		link, err := c.DownloadURL(o.t.Context(), r)
		o.check(err)
		parsed, err := url.Parse(link)
		o.check(err)
		e := expectedLink{Query: parsed.RequestURI()}
		if m, err := c.Meta(o.t.Context(), r); err == nil {
			e.Digest = m.FileSha1
		}
		u.Links = append(u.Links, e)
	}
}

// trash puts a file into the trash, then the folder that it was in, and a file of the root; one more is purged.
func (o *oldDrive) trash(c *client.Client, u *expectedUser) {
	o.t.Helper()
	for _, e := range entries(o.t, c) {
		if strings.HasPrefix(e.Path, "/old") || e.Path == "/deleted.txt" {
			u.Hidden = append(u.Hidden, e)
		}
	}
	before, old, deleted := o.at(c, "/old/before.txt"), o.at(c, "/old"), o.at(c, "/deleted.txt")
	gone := o.at(c, "/gone.txt")
	for _, r := range []client.Ref{before, old, deleted, gone} {
		o.check(c.Delete(o.t.Context(), r))
	}
	o.check(c.Purge(o.t.Context(), gone.ID))
	u.Trash = []string{old.ID, before.ID, deleted.ID}
}

// remember notes what the user has now.
func (o *oldDrive) remember(c *client.Client, u *expectedUser) {
	o.t.Helper()
	info, err := c.Info(o.t.Context())
	o.check(err)
	u.Used, u.Entries, u.Uploads = info.Used, entries(o.t, c), uploads(o.t, c)
}

// garbage notes the blobs that the drive has listed for removal.
func (o *oldDrive) garbage() {
	o.t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(o.cfg.Data, "blinkdrive.db"))
	o.check(err)
	defer db.Close()
	rows, err := db.QueryContext(o.t.Context(), `SELECT blob_name FROM tbl_garbage WHERE kind = 'local' ORDER BY id`)
	o.check(err)
	defer rows.Close()
	for rows.Next() {
		var name string
		o.check(rows.Scan(&name))
		o.want.Garbage = append(o.want.Garbage, path.Join("blobs", name[:2], name[2:4], name))
	}
	o.check(rows.Err())
	if len(o.want.Garbage) == 0 {
		o.t.Fatal("there is no garbage")
	}
}

// diskFiles returns the files of a data folder, without the database and the lock.
func diskFiles(t *testing.T, data string) []txtar.File {
	t.Helper()
	var files []txtar.File
	err := fs.WalkDir(os.DirFS(data), ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || name == "lock" || strings.HasPrefix(name, "blinkdrive.db") {
			return err
		}
		b, err := os.ReadFile(filepath.Join(data, filepath.FromSlash(name)))
		if err != nil {
			return err
		}
		files = append(files, encoded(t, oldDiskPrefix+name, b))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// encoded returns a file as it is if it is short text, whole lines, that an archive can hold.
func encoded(t *testing.T, name string, b []byte) txtar.File {
	t.Helper()
	text := utf8.Valid(b) && bytes.HasSuffix(b, []byte("\n")) && !bytes.ContainsAny(b, "\x00\r")
	if text && len(b) < 2000 && !bytes.Contains(b, []byte("-- ")) {
		return txtar.File{Name: name, Data: b}
	}
	var out bytes.Buffer
	z, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err == nil {
		_, err = z.Write(b)
	}
	if err == nil {
		err = z.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	var lines bytes.Buffer
	for part := range slices.Chunk([]byte(base64.StdEncoding.EncodeToString(out.Bytes())), 100) {
		lines.Write(append(part, '\n'))
	}
	return txtar.File{Name: name + oldEncoded, Data: lines.Bytes()}
}

func dumpSQLite(t *testing.T, file string) []byte {
	t.Helper()
	d := newDump(t, "sqlite", file)
	d.line("PRAGMA journal_mode = WAL;")
	const ours = ` FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' `
	for _, create := range d.column(`SELECT sql` + ours + `ORDER BY type DESC, rowid`) {
		d.line(create + ";")
	}
	for _, table := range d.column(`SELECT name` + ours + `AND type = 'table' ORDER BY rowid`) {
		d.rows(table, `SELECT * FROM `+table+` ORDER BY 1`)
	}
	d.line("DELETE FROM sqlite_sequence;")
	d.rows("sqlite_sequence", `SELECT name, seq FROM sqlite_sequence ORDER BY name`)
	return d.b.Bytes()
}

func dumpMySQL(t *testing.T, dsn string) []byte {
	t.Helper()
	d := newDump(t, "mysql", dsn)
	d.line("SET FOREIGN_KEY_CHECKS = 0;")
	for _, table := range d.column(`SHOW TABLES`) {
		var name, create string
		if err := d.db.QueryRowContext(t.Context(), `SHOW CREATE TABLE `+table).Scan(&name, &create); err != nil {
			t.Fatal(err)
		}
		d.line(create + ";")
		d.rows(table, `SELECT * FROM `+table+` ORDER BY 1`)
	}
	return d.b.Bytes()
}

// A dump writes statements that make the rows of a database.
type dump struct {
	t  *testing.T
	db *sql.DB
	b  bytes.Buffer
}

func newDump(t *testing.T, driver, dsn string) *dump {
	t.Helper()
	db, err := sql.Open(driver, dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return &dump{t: t, db: db}
}

func (d *dump) line(s string) { d.b.WriteString(s + "\n") }

// column returns the first column of a query's rows, as text.
func (d *dump) column(query string) []string {
	d.t.Helper()
	var values []string
	d.each(query, func(_ []string, row []any) { values = append(values, fmt.Sprintf("%s", row[0])) })
	return values
}

func (d *dump) rows(table, query string) {
	d.t.Helper()
	d.each(query, func(columns []string, row []any) {
		values := make([]string, len(row))
		for i, v := range row {
			values[i] = literal(v)
		}
		d.line("INSERT INTO " + table + " (" + strings.Join(columns, ", ") + ") VALUES (" + strings.Join(values, ", ") + ");")
	})
}

func (d *dump) each(query string, fn func(columns []string, row []any)) {
	d.t.Helper()
	rows, err := d.db.QueryContext(d.t.Context(), query)
	if err != nil {
		d.t.Fatal(err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		d.t.Fatal(err)
	}
	for rows.Next() {
		row, dest := make([]any, len(columns)), make([]any, len(columns))
		for i := range row {
			dest[i] = &row[i]
		}
		if err := rows.Scan(dest...); err != nil {
			d.t.Fatal(err)
		}
		fn(columns, row)
	}
	if err := rows.Err(); err != nil {
		d.t.Fatal(err)
	}
}

// literal writes a value as both engines read it.
func literal(v any) string {
	switch v := v.(type) {
	case nil:
		return "NULL"
	case []byte:
		return literal(string(v))
	case string:
		if strings.ContainsAny(v, "\\\n\r\x00") || !utf8.ValidString(v) {
			return "CAST(X'" + hex.EncodeToString([]byte(v)) + "' AS CHAR)"
		}
		return "'" + strings.ReplaceAll(v, "'", "''") + "'"
	}
	return fmt.Sprint(v)
}
