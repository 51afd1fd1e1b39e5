package setup_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha1"
	"database/sql"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/blinkdrive/blinkdrive/cmd/internal/setup"
	"github.com/blinkdrive/blinkdrive/config"
	"github.com/blinkdrive/blinkdrive/handler/api"
	"github.com/blinkdrive/blinkdrive/handler/client"
	"github.com/blinkdrive/blinkdrive/service"
	"github.com/blinkdrive/blinkdrive/store/storetest"
)

// An old drive is a drive as an earlier version left it, one archive per version in testdata/drives: the data folder, the
// rows of both engines and what users had of it. TestMakeOldDrive wrote it with the program of that version and describes
// how the next is made. An archive is never changed afterwards.
const (
	oldDrives     = "testdata/drives"
	oldDiskPrefix = "data/"
	oldEncoded    = ".gz.b64" // of the names of files that are not text: gzip in base64
	oldSQLite     = "sqlite.sql"
	oldMySQL      = "mysql.sql"
	oldExpected   = "expected.json"
)

// forAges is longer than any archive will be in use, and short enough for a time.Duration.
const forAges = 200 * 365 * 24 * time.Hour

// expected is what must be found in an old drive.
type expected struct {
	Users   []expectedUser
	Garbage []string // files in the data folder that must be removed
}

type expectedUser struct {
	Name, Password, Token string

	Used     int64
	Entries  []expectedEntry // all that the user sees
	Trash    []string        // IDs of what was put in the trash, in the order in which it is to be restored
	Hidden   []expectedEntry // all that is in the trash, where it was
	Uploads  []expectedUpload
	Finished []finishedUpload
	Links    []expectedLink
}

type expectedEntry struct {
	ID, Path, Kind, Digest, ModifiedAt string
	Size                               int64
}

// An expectedUpload is open.
type expectedUpload struct {
	UploadID, FileHash, FileName string
	FileSize, ChunkSize          int64
	ChunkCount                   int
	ChunkExists                  []int
}

// A finishedUpload must be answered with the same entry when it is completed again.
type finishedUpload struct {
	UploadID, Digest, Name, Entry string
	Size                          int64
}

// An expectedLink was given out before; the host in it is to be replaced.
type expectedLink struct {
	Query  string // path and query
	Digest string // of what it brings; empty for an archive, whose bytes are not fixed
}

// oldBytes are the bytes of every file in old drives. Archives depend on them: a change is a new function.
func oldBytes(name string, size int) []byte {
	line := fmt.Sprintf("These are the bytes of %s, repeated.\n", name)
	return []byte(strings.Repeat(line, size/len(line)+1)[:size])
}

func sha1Hex(b []byte) string {
	sum := sha1.Sum(b)
	return hex.EncodeToString(sum[:])
}

// TestOldDrives opens each old drive, as a start of this program does, and expects nothing to be lost.
func TestOldDrives(t *testing.T) {
	t.Parallel()
	archives, err := filepath.Glob(filepath.Join(oldDrives, "*.txtar"))
	if err != nil || len(archives) == 0 {
		t.Fatalf("no old drives: %v", err)
	}
	for _, name := range archives {
		archive, err := txtar.ParseFile(name)
		if err != nil {
			t.Fatal(err)
		}
		version := strings.TrimSuffix(filepath.Base(name), ".txtar")
		t.Run(version+" sqlite", func(t *testing.T) {
			t.Parallel()
			testOldDrive(t, archive, func(t *testing.T, c *config.Config, statements map[string]string) {
				file := filepath.Join(c.Data, "blinkdrive.db")
				if err := os.WriteFile(file, nil, 0o600); err != nil {
					t.Fatal(err)
				}
				execute(t, "sqlite", file, statements[oldSQLite])
			})
		})
		t.Run(version+" mysql", func(t *testing.T) {
			t.Parallel()
			server := storetest.Server(t, "BLINKDRIVE_TEST_MYSQL_DSN")
			testOldDrive(t, archive, func(t *testing.T, c *config.Config, statements map[string]string) {
				dsn := storetest.WithDatabase(t, server, storetest.NewDatabase(t, server))
				execute(t, "mysql", dsn+"?multiStatements=true", statements[oldMySQL])
				c.DB = "mysql:" + dsn
			})
		})
	}
}

func execute(t *testing.T, driver, dsn, statements string) {
	t.Helper()
	db, err := sql.Open(driver, dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), statements); err != nil {
		t.Fatal(err)
	}
}

func testOldDrive(t *testing.T, a *txtar.Archive, fill func(*testing.T, *config.Config, map[string]string)) {
	t.Helper()
	c := emptyDrive(t)
	want, statements := unpack(t, a, c.Data)
	fill(t, &c, statements)
	// Whenever the test runs, the time of nothing in the archive is over, and garbage is due.
	c.TrashTTL, c.DoneUploadTTL, c.GarbageGrace = forAges, forAges, time.Second
	d := open(t, c)
	url, stop := background(t, d)
	for _, u := range want.Users {
		o := oldUser{t: t, url: url, want: u, c: newClient(t, url, u.Token)}
		o.all()
	}
	for _, name := range want.Garbage {
		eventually(t, "the garbage "+name+" is removed", func() bool {
			_, err := os.Stat(filepath.Join(c.Data, name))
			return os.IsNotExist(err)
		})
	}
	stop()
	report, err := d.Fsck.Run(t.Context(), false, func(f service.Finding) { t.Logf("fsck: %+v", f) })
	if err != nil || !report.Clean() {
		t.Errorf("fsck: %+v, %v", report, err)
	}
}

// background serves a drive until the returned function is called, or the test ends.
func background(t *testing.T, d *setup.Drive) (url string, stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ready, ended := make(chan string, 1), make(chan error, 1)
	go func() { ended <- d.Serve(ctx, func(url string) { ready <- url }); close(ended) }()
	stop = func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Serve: %v", err)
		}
	}
	t.Cleanup(stop)
	select {
	case url = <-ready:
	case err := <-ended:
		t.Fatalf("Serve: %v", err)
	}
	return url, stop
}

func newClient(t *testing.T, url, token string) *client.Client {
	t.Helper()
	c, err := client.New(url, client.Options{Token: token})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.CloseIdleConnections)
	return c
}

// unpack writes the data folder of an archive and returns its other files.
func unpack(t *testing.T, a *txtar.Archive, data string) (want expected, statements map[string]string) {
	t.Helper()
	statements = map[string]string{}
	for _, f := range a.Files {
		name, onDisk := strings.CutPrefix(f.Name, oldDiskPrefix)
		switch {
		case onDisk:
			name, b := decoded(t, name, f.Data)
			name = filepath.Join(data, filepath.FromSlash(name))
			if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(name, b, 0o600); err != nil {
				t.Fatal(err)
			}
		case f.Name == oldExpected:
			if err := json.Unmarshal(f.Data, &want); err != nil {
				t.Fatal(err)
			}
		default:
			statements[f.Name] = string(f.Data)
		}
	}
	return want, statements
}

func decoded(t *testing.T, name string, b []byte) (string, []byte) {
	t.Helper()
	name, binary := strings.CutSuffix(name, oldEncoded)
	if !binary {
		return name, b
	}
	r, err := gzip.NewReader(base64.NewDecoder(base64.StdEncoding, bytes.NewReader(b)))
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	b, err = io.ReadAll(r)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return name, b
}

// An oldUser looks for what one user had.
type oldUser struct {
	t    *testing.T
	url  string
	c    *client.Client // signed in with the token of that time
	want expectedUser
}

func (o *oldUser) all() {
	o.t.Helper()
	o.account()
	o.wantEntries("at first", o.want.Entries)
	o.links()
	o.restore()
	o.finished()
	o.resume()
	for _, e := range entries(o.t, o.c) { // all that was restored or resumed, and all that waited to be moved
		eventually(o.t, e.Path+" is in the object store", func() bool {
			m, err := o.c.Meta(o.t.Context(), client.ByID(e.ID))
			return err == nil && (m.Kind == "folder" || m.Location == "disk")
		})
	}
}

func (o *oldUser) account() {
	o.t.Helper()
	info, err := o.c.Info(o.t.Context())
	if err != nil || info.Username != o.want.Name || info.Used != o.want.Used {
		o.t.Errorf("the token of %s shows %+v, %v; want %d bytes in use", o.want.Name, info, err, o.want.Used)
	}
	if _, err := newClient(o.t, o.url, "").Signin(o.t.Context(), o.want.Name, o.want.Password); err != nil {
		o.t.Errorf("the password of %s: %v", o.want.Name, err)
	}
}

// wantEntries compares the tree, and downloads all files in it.
func (o *oldUser) wantEntries(when string, want []expectedEntry) {
	o.t.Helper()
	got := entries(o.t, o.c)
	if diff := cmp.Diff(sorted(want), got); diff != "" {
		o.t.Errorf("%s, %s has other entries: %s", when, o.want.Name, diff)
	}
	for _, e := range got {
		if e.Kind == "file" {
			o.wantBytes(client.ByID(e.ID), e.Digest)
		}
	}
}

func (o *oldUser) wantBytes(r client.Ref, digest string) {
	o.t.Helper()
	in, err := o.c.Open(o.t.Context(), r)
	if err != nil {
		o.t.Error(err)
		return
	}
	defer in.Close()
	if b, err := io.ReadAll(in); err != nil || sha1Hex(b) != digest {
		o.t.Errorf("%s: %d bytes with digest %s, %v; want %s", r, len(b), sha1Hex(b), err, digest)
	}
}

func (o *oldUser) links() {
	o.t.Helper()
	for _, l := range o.want.Links {
		status, body := get(o.t, o.url+l.Query)
		if status != http.StatusOK || l.Digest != "" && sha1Hex([]byte(body)) != l.Digest {
			o.t.Errorf("the link %s: %d, %d bytes", l.Query, status, len(body))
		}
	}
}

func (o *oldUser) restore() {
	o.t.Helper()
	var trash []string
	for e, err := range o.c.Trash(o.t.Context()) {
		if err != nil {
			o.t.Fatal(err)
		}
		trash = append(trash, e.ID)
	}
	if diff := cmp.Diff(slices.Sorted(slices.Values(o.want.Trash)), slices.Sorted(slices.Values(trash))); diff != "" {
		o.t.Errorf("%s has another trash: %s", o.want.Name, diff)
	}
	for _, id := range o.want.Trash {
		if _, err := o.c.Restore(o.t.Context(), client.ByID(id)); err != nil {
			o.t.Errorf("restore: %v", err)
		}
	}
	o.wantEntries("with the trash restored", slices.Concat(o.want.Entries, o.want.Hidden))
}

func (o *oldUser) finished() {
	o.t.Helper()
	for _, f := range o.want.Finished {
		m, err := o.c.Complete(o.t.Context(), client.CompleteRequest{
			Target: client.Target{Name: f.Name}, UploadID: f.UploadID, Digest: f.Digest, Size: f.Size,
		})
		if err != nil || m.ID != f.Entry {
			o.t.Errorf("completed again, %s is %s, %v; want %s", f.UploadID, m.ID, err, f.Entry)
		}
	}
}

// resume ends the open uploads without sending a chunk that was held.
func (o *oldUser) resume() {
	o.t.Helper()
	if diff := cmp.Diff(o.want.Uploads, uploads(o.t, o.c)); diff != "" {
		o.t.Errorf("%s has other uploads: %s", o.want.Name, diff)
	}
	for _, s := range o.want.Uploads {
		b := oldBytes(s.FileName, int(s.FileSize))
		for i := 1; i <= s.ChunkCount; i++ {
			if slices.Contains(s.ChunkExists, i) {
				continue
			}
			putOld(o.t, o.c, s.UploadID, b, i, s.ChunkSize)
		}
		digest := sha1Hex(b)
		m, err := o.c.Complete(o.t.Context(), client.CompleteRequest{UploadID: s.UploadID, Digest: digest, Size: s.FileSize})
		if err != nil {
			o.t.Errorf("upload of %s: %v", s.FileName, err)
			continue
		}
		o.wantBytes(client.ByID(m.ID), digest)
	}
}

func putOld(t *testing.T, c *client.Client, upload string, b []byte, index int, chunk int64) {
	t.Helper()
	off := int64(index-1) * chunk
	length := min(chunk, int64(len(b))-off)
	if err := c.PutChunk(t.Context(), upload, index, bytes.NewReader(b), off, length, ""); err != nil {
		t.Fatal(err)
	}
}

// uploads returns a user's open uploads, by ID.
func uploads(t *testing.T, c *client.Client) []expectedUpload {
	t.Helper()
	open, err := c.Uploads(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(open, func(a, b api.UploadStatus) int { return strings.Compare(a.UploadID, b.UploadID) })
	found := []expectedUpload{}
	for _, u := range open {
		found = append(found, expectedUpload{
			UploadID: u.UploadID, FileHash: u.FileHash, FileName: u.FileName, FileSize: u.FileSize,
			ChunkSize: u.ChunkSize, ChunkCount: u.ChunkCount, ChunkExists: u.ChunkExists,
		})
	}
	return found
}

// entries returns all that a user sees, by path.
func entries(t *testing.T, c *client.Client) []expectedEntry {
	t.Helper()
	found := map[string]expectedEntry{}
	for folders := []string{"/"}; len(folders) > 0; {
		next := folders[0]
		folders = folders[1:]
		for e, err := range c.List(t.Context(), client.Listing{Path: next}) {
			if err != nil {
				t.Fatalf("%s: %v", next, err)
			}
			found[e.Path] = expectedEntry{
				ID: e.ID, Path: e.Path, Kind: e.Kind, Digest: e.FileHash, ModifiedAt: e.ModifiedAt, Size: e.FileSize,
			}
			if e.Kind == "folder" {
				folders = append(folders, e.Path)
			}
			if len(found) > math.MaxInt16 {
				t.Fatal("the folders have no end")
			}
		}
	}
	return sorted(slices.Collect(maps.Values(found)))
}

func sorted(es []expectedEntry) []expectedEntry {
	return slices.SortedFunc(slices.Values(es), func(a, b expectedEntry) int { return strings.Compare(a.Path, b.Path) })
}
