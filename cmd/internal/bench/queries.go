package main

import (
	"context"
	"crypto/rand"
	"crypto/sha1"
	"fmt"
	"net/http"
	"path/filepath"
	"time"

	"github.com/blinkdrive/blinkdrive/handler/client"
	"github.com/blinkdrive/blinkdrive/store"
	"github.com/blinkdrive/blinkdrive/store/sqldb"
)

// queryRows are about requests that carry no bytes. Only the drive knows them.
func queryRows(z sizes) []row {
	return []row{
		{name: "instant", title: fmt.Sprintf("instant uploads with proof, %d clients", z.users), peers: alone, rounds: 3,
			run: instantRun(z), metrics: []metric{
				perSec, p99,
				{"full_per_second", fmt.Sprintf("rate, %d contents", z.entries), "/s", false},
				{"full_p99", fmt.Sprintf("p99, %d contents", z.entries), "ms", false},
				{"list_p99", fmt.Sprintf("first page of %d entries, p99", z.entries), "ms", false},
			},
			goals: []goal{atLeast("full_per_second", "", 1000), atMost("full_p99", 40), atMost("list_p99", 15)}},
		{name: "resume", title: fmt.Sprintf("upload with %d chunks held", z.chunks), peers: alone, rounds: 1, run: resumeRun(z),
			metrics: []metric{{"init_p99", "init, p99", "ms", false}, {"status_p99", "status, p99", "ms", false}},
			goals:   []goal{atMost("init_p99", 10), atMost("status_p99", 10)}},
		{name: "auth", title: "authentication of a request", peers: alone, run: authRun(z),
			metrics: []metric{{"auth", "server CPU above a public request", "µs", false}, {"request", "server CPU, whole", "µs", false}},
			goals:   []goal{atMost("auth", 50)}},
	}
}

// instantRun measures with few contents in the table, then with many, and the listing of the folder that they came to.
func instantRun(z sizes) func(context.Context, *trial) error {
	return func(ctx context.Context, t *trial) error {
		d := t.live.(*drive)
		users := make([]*client.Client, z.users)
		for i := range users {
			var err error
			if users[i], err = d.user(ctx, fmt.Sprintf("user%d", i)); err != nil {
				return err
			}
		}
		if err := t.askAll(ctx, d, users, z, ""); err != nil {
			return err
		}
		if err := d.fill(ctx, z.entries); err != nil {
			return err
		}
		if err := t.askAll(ctx, d, users, z, "full_"); err != nil {
			return err
		}
		return t.list(ctx, d, z.asks)
	}
}

// askAll has every user ask for every one of some new contents.
func (t *trial) askAll(ctx context.Context, d *drive, users []*client.Client, z sizes, prefix string) error {
	bodies := make([][]byte, max(4, z.asks/10))
	for i := range bodies {
		bodies[i] = make([]byte, 128<<10)
		rand.Read(bodies[i])
	}
	digests, err := d.putMany(ctx, prefix, bodies)
	if err != nil {
		return err
	}
	var took []time.Duration
	n := len(bodies) * len(users)
	u, err := t.measure(func() (err error) {
		took, err = many(ctx, len(users), n, func(ctx context.Context, _, i int) error {
			user, content := i%len(users), i/len(users)
			return question(ctx, users[user], fmt.Sprintf("%s%d", prefix, content), digests[content], bodies[content])
		})
		return err
	})
	if err != nil {
		return err
	}
	t.values[prefix+"per_second"] = float64(n) / u.wall.Seconds()
	t.values[prefix+"p99"] = percentile(took, 0.99)
	return nil
}

const fullFolder = "full"

// fill puts many contents and their entries straight into the database: bringing them one by one would take too long, and
// nobody is going to read their bytes.
func (d *drive) fill(ctx context.Context, n int) error {
	db, err := sqldb.Open(ctx, sqldb.Options{Source: sqldb.SQLite(filepath.Join(d.proc.dir, "data", "blinkdrive.db"))})
	if err != nil {
		return err
	}
	defer db.Close()
	u, err := db.UserByName(ctx, userName)
	if err != nil {
		return err
	}
	parent, err := db.MakeFolder(ctx, u.ID, store.Path{fullFolder}, time.Now())
	if err != nil {
		return err
	}
	const batch = 1000
	for at := 0; at < n; at += batch {
		cs := make([]store.Completion, min(batch, n-at))
		for i := range cs {
			cs[i] = phantom(u.ID, parent, at+i)
		}
		if _, err := db.CompleteUploads(ctx, cs); err != nil {
			return err
		}
	}
	return nil
}

func phantom(user store.UserID, parent store.EntryID, n int) store.Completion {
	const node = "phantom"
	s := store.Sums{Digest: sha1.Sum(fmt.Append(nil, n)), Size: int64(n % 1000)}
	id := store.NewUploadID(node)
	return store.Completion{
		Upload: id, User: user, Sums: s, Location: store.LocalLocation(node, store.NewBlobName(s.Digest, id)),
		Target: store.Disk, Parent: parent, Name: fmt.Sprintf("file %d.txt", n), When: time.Now(),
	}
}

func (t *trial) list(ctx context.Context, d *drive, n int) error {
	took, err := many(ctx, 1, n, func(ctx context.Context, _, _ int) error {
		_, err := d.post(ctx, "/file/query?limit=100&path=/"+fullFolder, "", nil)
		return err
	})
	if err == nil {
		t.values["list_p99"] = percentile(took, 0.99)
	}
	return err
}

// resumeRun brings all chunks but the last of an upload that has as many as there can be, and asks about it.
func resumeRun(z sizes) func(context.Context, *trial) error {
	return func(ctx context.Context, t *trial) error {
		const length = 256 << 10
		d := t.live.(*drive)
		req := client.InitRequest{
			Target: client.Target{Name: "resume"}, Digest: fmt.Sprintf("%040d", 1), Size: int64(z.chunks) * length, ChunkSize: length,
		}
		in, err := d.api.Init(ctx, req)
		if err != nil {
			return err
		}
		body := make([]byte, length)
		_, err = many(ctx, 4, in.ChunkCount, func(ctx context.Context, _, i int) error {
			_, err := d.post(ctx, fmt.Sprintf("/file/mpupload/uppart?uploadid=%s&index=%d", in.UploadID, i+1), "", body)
			return err
		})
		if err != nil {
			return err
		}
		_, err = t.measure(func() error {
			for key, ask := range map[string]func() error{
				"init_p99":   func() error { _, err := d.api.Init(ctx, req); return err },
				"status_p99": func() error { _, err := d.api.UploadStatus(ctx, in.UploadID); return err },
			} {
				took, err := many(ctx, 1, z.asks, func(context.Context, int, int) error { return ask() })
				if err != nil {
					return err
				}
				t.values[key] = percentile(took, 0.99)
			}
			return nil
		})
		return err
	}
}

// authRun compares a request that needs a token with one that does not.
func authRun(z sizes) func(context.Context, *trial) error {
	return func(ctx context.Context, t *trial) error {
		d := t.live.(*drive)
		n := 5 * z.asks
		cost := func(path string) (float64, error) {
			u, err := t.measure(func() error {
				_, err := many(ctx, 1, n, func(ctx context.Context, _, _ int) error {
					_, _, err := do(ctx, d.http, request{method: http.MethodGet, url: d.proc.url + path,
						header: map[string]string{"Authorization": "Bearer " + d.token}})
					return err
				})
				return err
			})
			return float64(u.cpu.Microseconds()) / float64(n), err
		}
		public, err := cost("/healthz")
		if err != nil {
			return err
		}
		if t.values["request"], err = cost("/user/info"); err != nil {
			return err
		}
		t.values["auth"] = t.values["request"] - public
		return nil
	}
}
