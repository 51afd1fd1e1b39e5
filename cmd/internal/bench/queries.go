package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"time"

	"github.com/blinkdrive/blinkdrive/handler/client"
)

// queryRows are about requests that carry no bytes. Only the drive knows them.
func queryRows(z sizes) []row {
	return []row{
		{name: "instant", title: fmt.Sprintf("instant uploads with proof, %d clients", z.users), peers: alone, rounds: 1,
			run: instantRun(z), metrics: []metric{
				perSec, p99,
				{"full_per_second", fmt.Sprintf("rate, %d contents", z.entries), "/s", false},
				{"full_p99", fmt.Sprintf("p99, %d contents", z.entries), "ms", false},
				{"full_cost", fmt.Sprintf("CPU, %d contents", z.entries), "× with few", false},
				{"folder_p99", fmt.Sprintf("first page of a folder of %d, p99", z.entries/fullFolders), "ms", false},
				{"list_p99", fmt.Sprintf("first page of a user's %d, p99", z.entries), "ms", false},
			},
			goals: []goal{atLeast("full_per_second", "", 1000), atMost("full_p99", 40), atMost("full_cost", 1.2),
				atMost("folder_p99", 15), atMost("list_p99", 15)}},
		{name: "resume", title: fmt.Sprintf("upload with %d chunks held", z.chunks), peers: alone, rounds: 1, run: resumeRun(z),
			metrics: []metric{{"init_p99", "init, p99", "ms", false}, {"status_p99", "status, p99", "ms", false}},
			goals:   []goal{atMost("init_p99", 10), atMost("status_p99", 10)}},
		{name: "auth", title: "authentication of a request", peers: alone, run: authRun(z),
			metrics: []metric{{"auth", "server CPU of a token", "µs", false}, {"request", "server CPU, whole request", "µs", false}},
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
		t.values["full_cost"] /= t.values["cost"]
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
	t.values[prefix+"cost"] = u.cpu.Seconds() / float64(n)
	t.values[prefix+"p99"] = percentile(took, 0.99)
	return nil
}

// list reads the first page of one of the folders, and of all files.
func (t *trial) list(ctx context.Context, d *drive, n int) error {
	for key, query := range map[string]string{"folder_p99": "limit=100&path=/" + fullFolder + "0", "list_p99": "limit=100"} {
		took, err := many(ctx, 1, n, func(ctx context.Context, _, _ int) error {
			_, err := d.post(ctx, "/file/query?"+query, "", nil)
			return err
		})
		if err != nil {
			return err
		}
		t.values[key] = percentile(took, 0.99)
	}
	return nil
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

// authRun compares two requests that are refused alike: one for a parameter that it lacks, by then it is known whose it is, and
// one for its lack of a token.
func authRun(z sizes) func(context.Context, *trial) error {
	return func(ctx context.Context, t *trial) error {
		d := t.live.(*drive)
		n := 5 * z.asks
		cost := func(path string, refused bool, header map[string]string) (float64, error) {
			u, err := t.measure(func() error {
				_, err := many(ctx, 1, n, func(ctx context.Context, _, _ int) error {
					answer, _, err := do(ctx, d.http, request{method: http.MethodGet, url: d.proc.url + path, header: header})
					if refused && answer != nil {
						return nil
					}
					return err
				})
				return err
			})
			return float64(u.cpu.Microseconds()) / float64(n), err
		}
		anybody, err := cost("/file/meta", true, nil)
		if err != nil {
			return err
		}
		known, err := cost("/file/meta", true, d.header(""))
		if err != nil {
			return err
		}
		t.values["auth"] = known - anybody
		t.values["request"], err = cost("/user/info", false, d.header(""))
		return err
	}
}
