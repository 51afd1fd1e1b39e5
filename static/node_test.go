package static_test

import (
	"context"
	"encoding/json"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/blinkdrive/blinkdrive/static"
)

// TestEngineInNode runs the engine's modules by Node's own test runner against the real server: no browser is there at
// all. The tests are in testdata/engine.
func TestEngineInNode(t *testing.T) {
	t.Parallel()
	needsPrograms(t)
	node, err := exec.LookPath("node")
	if err != nil {
		t.Fatal("no Node is installed (Debian and Ubuntu: apt-get install nodejs)")
	}
	d := startDrive(t, buildDrive(t))
	l := newLine(t, d.url)
	control := httptest.NewServer(control(t, l, d))
	t.Cleanup(control.Close)

	ctx, cancel := context.WithTimeout(t.Context(), 4*patience)
	defer cancel()
	run := exec.CommandContext(ctx, node, "--test", "engine.test.mjs", "rules.test.mjs")
	run.Dir = modules(t)
	run.Env = append(os.Environ(), "BLINKDRIVE_TEST_LINE="+l.url, "BLINKDRIVE_TEST_CONTROL="+control.URL)
	run.WaitDelay = 10 * time.Second
	out, err := run.CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Errorf("node --test: %v; line: %s", err, l)
	}
}

// modules makes a folder of the page's modules and the tests, which Node takes for ES modules.
func modules(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	copyOf := func(from fs.FS) {
		t.Helper()
		if err := os.CopyFS(dir, from); err != nil {
			t.Fatal(err)
		}
	}
	copyOf(static.FS)
	copyOf(os.DirFS("testdata/engine"))
	if err := os.WriteFile(filepath.Join(dir, "package.json"), []byte(`{"type": "module"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// control lets another process do with a line and a drive what the tests in Go do. A request's body is JSON, its answer too.
func control(t *testing.T, l *line, d *drive) http.Handler {
	mux := http.NewServeMux()
	on := func(what string, do func(body []byte) (any, error)) {
		mux.HandleFunc("POST /"+what, func(w http.ResponseWriter, r *http.Request) {
			var body json.RawMessage
			err := json.NewDecoder(r.Body).Decode(&body)
			var answer any
			if err == nil {
				answer, err = do(body)
			}
			if err != nil {
				http.Error(w, err.Error(), http.StatusBadRequest)
				return
			}
			_ = json.NewEncoder(w).Encode(answer) // the other end is ours
		})
	}
	on("hold", func(body []byte) (any, error) {
		var about struct{ N int }
		err := json.Unmarshal(body, &about)
		l.hold(about.N)
		return nil, err
	})
	on("release", func([]byte) (any, error) { l.release(); return nil, nil })
	on("left", func([]byte) (any, error) { return l.left(), nil })
	on("count", func(body []byte) (any, error) {
		var about struct{ Path string }
		err := json.Unmarshal(body, &about)
		return l.count(about.Path), err
	})
	on("expect", func(body []byte) (any, error) {
		plan, err := readPlan(body)
		l.expect(plan)
		return nil, err
	})
	on("kill", func([]byte) (any, error) { d.kill(t); return nil, nil })
	on("start", func([]byte) (any, error) {
		d.start(t)
		l.lead(t, d.url)
		return nil, nil
	})
	return mux
}

// readPlan reads faults by path. One that says nothing cuts the line.
func readPlan(body []byte) (map[string][]fault, error) {
	var given map[string][]struct {
		Status, Code int
		Corrupt      bool
		Data         json.RawMessage
	}
	err := json.Unmarshal(body, &given)
	plan := map[string][]fault{}
	for path, faults := range given {
		for _, f := range faults {
			switch {
			case f.Status != 0 && f.Data == nil:
				plan[path] = append(plan[path], says(f.Status, f.Code, "null"))
			case f.Status != 0:
				plan[path] = append(plan[path], says(f.Status, f.Code, string(f.Data)))
			default:
				plan[path] = append(plan[path], fault{corrupt: f.Corrupt})
			}
		}
	}
	return plan, err
}
