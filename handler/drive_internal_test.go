package handler

import (
	"bytes"
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/blinkdrive/blinkdrive/handler/api"
	queue "github.com/blinkdrive/blinkdrive/mq/memory"
	"github.com/blinkdrive/blinkdrive/service"
	"github.com/blinkdrive/blinkdrive/store"
	"github.com/blinkdrive/blinkdrive/store/disk"
	"github.com/blinkdrive/blinkdrive/store/memory"
	"github.com/blinkdrive/blinkdrive/store/sqldb"
)

// A drive is the whole of the drive below HTTP, for tests: the real services on SQLite and a temporary directory.
type drive struct {
	*Server
	t     *testing.T
	url   string
	db    *sqldb.DB
	root  *os.Root
	local *disk.Blobs
	clock *clock
	logs  *logBuffer
}

const testNode store.NodeID = "n1"

// newDrive starts a drive. change, which may be nil, is applied before it answers.
func newDrive(t *testing.T, change func(*Server)) *drive {
	t.Helper()
	d := &drive{t: t, clock: &clock{t: time.Now()}, logs: &logBuffer{}}
	d.openStores(t.TempDir())
	log := slog.New(slog.NewTextHandler(d.logs, &slog.HandlerOptions{Level: slog.LevelDebug}))
	places := service.Places{Node: testNode, Local: d.local}
	uploads := d.uploads(log)
	d.Server = &Server{
		Accounts: &service.Accounts{Users: d.db, Tokens: d.db, Now: d.clock.now, Log: log, Metrics: uploads.Metrics,
			Quota: 1 << 30},
		Files: &service.Files{Entries: d.db, Changes: d.db, Trees: d.db, Moves: d.db, Now: d.clock.now},
		Downloads: &service.Downloads{Entries: d.db, Trees: d.db, Users: d.db, Places: places, Secret: []byte("k"),
			Now: d.clock.now, Log: log, Metrics: uploads.Metrics},
		Uploads: uploads,
		Instant: &service.Instant{Entries: d.db, Contents: d.db, Uploads: uploads, Places: places,
			Challenges: memory.NewChallenges(), Throttle: &service.Throttle{}, Log: log, Now: d.clock.now, Metrics: uploads.Metrics},
		Log: log,
		Now: d.clock.now,
	}
	if change != nil {
		change(d.Server)
	}
	ts := httptest.NewServer(Documented(t, d.Handler()))
	t.Cleanup(ts.Close)
	d.url = ts.URL
	return d
}

func (d *drive) openStores(dir string) {
	d.t.Helper()
	path := filepath.Join(dir, "blinkdrive.db")
	if err := sqldb.Migrate(d.t.Context(), sqldb.SQLite(path)); err != nil {
		d.t.Fatal(err)
	}
	db, err := sqldb.Open(d.t.Context(), sqldb.Options{Source: sqldb.SQLite(path)})
	if err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() { db.Close() })
	if d.root, err = os.OpenRoot(dir); err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() { d.root.Close() })
	if d.local, err = disk.NewBlobs(d.root, "blobs", store.Local, testNode); err != nil {
		d.t.Fatal(err)
	}
	d.db = db
}

func (d *drive) uploads(log *slog.Logger) *service.Uploads {
	d.t.Helper()
	staging, err := disk.NewStaging(d.root, disk.StagingOptions{Blobs: d.local})
	if err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() { staging.Close() })
	queue := queue.New(queue.Options{})
	d.t.Cleanup(func() { queue.Close() })
	return &service.Uploads{
		Rows: d.db, Targets: d.db, Keeper: d.db, Entries: d.db, Garbage: d.db, Savings: d.db, Staging: staging, Local: d.local,
		Progress: memory.NewProgress(), Queue: queue, Node: testNode, Target: store.Disk,
		Log: log, Now: d.clock.now, Metrics: service.NewMetrics(prometheus.NewRegistry()),
	}
}

// A clock runs as the tests say.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

// A logBuffer keeps what was logged.
type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

const testPassword = "correct horse"

// A person is somebody who is signed in.
type person struct {
	name, token string
	user        store.User
}

// join signs somebody up and in.
func (d *drive) join(name string) person {
	d.t.Helper()
	user, err := d.Accounts.AddUser(d.t.Context(), name, testPassword, store.RoleUser, 0)
	if err != nil {
		d.t.Fatal(err)
	}
	return person{name, d.signIn(name), user}
}

func (d *drive) signIn(name string) string {
	d.t.Helper()
	a := d.post("/user/signin", values("username", name, "password", testPassword))
	var s api.Signin
	a.want(d.t, 200, api.OK, &s)
	return s.Token
}

// put stores a content and an entry for it, as a completed upload would.
func (d *drive) put(p person, folder store.EntryID, name, content string) store.Entry {
	d.t.Helper()
	id := store.NewUploadID(testNode)
	sums := store.Sums{Digest: sha1.Sum([]byte(content)), SHA256: sha256.Sum256([]byte(content)), Size: int64(len(content))}
	blob := store.NewBlobName(sums.Digest, id)
	if err := d.local.Put(d.t.Context(), blob, memBlob{bytes.NewReader([]byte(content))}, sums); err != nil {
		d.t.Fatal(err)
	}
	done, err := d.db.CompleteUploads(d.t.Context(), []store.Completion{{Upload: id, User: p.user.ID, Sums: sums,
		Location: d.local.Locate(blob), Target: store.Disk, Parent: folder, Name: name, When: d.clock.now()}})
	if err != nil {
		d.t.Fatal(err)
	}
	return done[0].Entry
}

type memBlob struct{ *bytes.Reader }

func (memBlob) Close() error { return nil }

// An answer is a response that was read whole.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// A tweak changes a request before it is sent.
type tweak func(*http.Request)

func header(name, value string) tweak { return func(r *http.Request) { r.Header.Set(name, value) } }

func (p person) bearer() tweak { return header("Authorization", "Bearer "+p.token) }
func (p person) cookie() tweak { return header("Cookie", api.CookieName+"="+p.token) }

// send sends a request and reads the answer. A body that is not empty is a form.
func (d *drive) send(method, path string, query, form url.Values, tweaks ...tweak) answer {
	d.t.Helper()
	return send(d.t, method, d.url+path+"?"+query.Encode(), form.Encode(), tweaks...)
}

func (d *drive) get(path string, query url.Values, tweaks ...tweak) answer {
	d.t.Helper()
	return d.send("GET", path, query, nil, tweaks...)
}

func (d *drive) post(path string, form url.Values, tweaks ...tweak) answer {
	d.t.Helper()
	return d.send("POST", path, nil, form, tweaks...)
}

func send(t *testing.T, method, url, body string, tweaks ...tweak) answer {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for _, change := range tweaks {
		change(req)
	}
	resp, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	a := answer{status: resp.StatusCode, header: resp.Header}
	if a.body, err = io.ReadAll(resp.Body); err != nil {
		t.Fatal(err)
	}
	return a
}

// want checks status and code of an envelope and reads its data.
func (a answer) want(t *testing.T, status int, code api.Code, data ...any) api.Envelope {
	t.Helper()
	var env api.Envelope
	if err := json.Unmarshal(a.body, &env); err != nil || a.status != status || env.Code != code {
		t.Fatalf("got %d, %s; want %d, code %d", a.status, a.body, status, code)
	}
	for _, v := range data {
		if err := json.Unmarshal(env.Data, v); err != nil {
			t.Fatalf("data %s: %v", env.Data, err)
		}
	}
	return env
}

// bare reads an answer without an envelope.
func bare[T any](t *testing.T, a answer) T {
	t.Helper()
	var v T
	if err := json.Unmarshal(a.body, &v); err != nil || a.status != 200 {
		t.Fatalf("got %d, %s; want 200 and %T", a.status, a.body, v)
	}
	return v
}

// values makes parameters of names and values in turn.
func values(pairs ...string) url.Values {
	v := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		v.Set(pairs[i], pairs[i+1])
	}
	return v
}
