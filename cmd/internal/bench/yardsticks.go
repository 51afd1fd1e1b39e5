package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/blinkdrive/blinkdrive/cmd/internal/testenv"
)

// raw is the bare handler.
type raw struct {
	proc *process
	http *http.Client
}

func (r *raw) process() *process { return r.proc }

func (r *raw) call(ctx context.Context, method, path string, body []byte) error {
	_, _, err := do(ctx, r.http, request{method: method, url: r.proc.url + path, body: body})
	return err
}

func (r *raw) upload(ctx context.Context, f file, conns int) (time.Duration, error) {
	name := fmt.Sprintf("%x", f.nonce)
	if err := r.call(ctx, http.MethodPost, fmt.Sprintf("/init?name=%s&size=%d", name, f.size), nil); err != nil {
		return 0, err
	}
	err := f.each(ctx, conns, func(ctx context.Context, i int, p []byte) error {
		off, _ := f.extent(i)
		return r.call(ctx, http.MethodPut, fmt.Sprintf("/chunk?name=%s&off=%d", name, off), p)
	})
	if err != nil {
		return 0, err
	}
	begun := time.Now()
	err = r.call(ctx, http.MethodPost, "/done?name="+name, nil)
	return time.Since(begun), err
}

func (r *raw) put(ctx context.Context, name string, body []byte) error {
	return r.call(ctx, http.MethodPut, "/file?name="+name, body)
}

func (r *raw) offer(ctx context.Context, f file) (*http.Request, error) {
	if err := writeFile(filepath.Join(r.proc.dir, "offered"), f); err != nil {
		return nil, err
	}
	return http.NewRequestWithContext(ctx, http.MethodGet, r.proc.url+"/files/offered", nil)
}

func writeFile(name string, f file) error {
	w, err := os.Create(name)
	if err != nil {
		return err
	}
	return errors.Join(f.write(w), w.Close())
}

// tusd speaks the tus protocol: PATCH after PATCH on one upload, or several that are concatenated.
type tusd struct {
	proc *process
	http *http.Client
}

func startTusd(ctx context.Context, bin, dir string) (live, error) {
	addr, err := testenv.FreeAddr()
	if err != nil {
		return nil, err
	}
	host, port, _ := strings.Cut(addr, ":")
	data := filepath.Join(dir, "data")
	if err := os.Mkdir(data, 0o755); err != nil {
		return nil, err
	}
	p, err := launch(ctx, dir, addr, "/", exec.Command(bin, "-host", host, "-port", port, "-upload-dir", data,
		"-filelock-acquirer-poll-interval", "10ms"))
	return &tusd{p, newHTTP()}, err
}

func (t *tusd) process() *process { return t.proc }

// create makes an upload and returns its URL.
func (t *tusd) create(ctx context.Context, header map[string]string, body []byte) (string, error) {
	header["Tus-Resumable"] = "1.0.0"
	h, _, err := do(ctx, t.http, request{method: http.MethodPost, url: t.proc.url + "/files/", header: header, body: body})
	return h.Get("Location"), err
}

func (t *tusd) patch(ctx context.Context, url string, off int64, p []byte) error {
	_, _, err := do(ctx, t.http, request{method: http.MethodPatch, url: url, body: p, header: map[string]string{
		"Tus-Resumable": "1.0.0", "Upload-Offset": strconv.FormatInt(off, 10), "Content-Type": "application/offset+octet-stream",
	}})
	return err
}

func (t *tusd) upload(ctx context.Context, f file, conns int) (time.Duration, error) {
	if conns == 1 {
		url, err := t.part(ctx, f, 0, f.chunks(), false)
		if err != nil {
			return 0, err
		}
		begun := time.Now()
		err = t.sync(url)
		return time.Since(begun), err
	}
	urls := make([]string, conns)
	g, all := errgroup.WithContext(ctx)
	for c := range conns {
		g.Go(func() (err error) {
			urls[c], err = t.part(all, f, f.chunks()*c/conns, f.chunks()*(c+1)/conns, true)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return 0, err
	}
	begun := time.Now()
	url, err := t.create(ctx, map[string]string{"Upload-Concat": "final;" + strings.Join(urls, " ")}, nil)
	if err == nil {
		err = t.sync(url)
	}
	return time.Since(begun), err
}

// part brings some chunks, one after the other, as an upload.
func (t *tusd) part(ctx context.Context, f file, from, to int, partial bool) (string, error) {
	begin, _ := f.extent(from)
	last, n := f.extent(to - 1)
	header := map[string]string{"Upload-Length": strconv.FormatInt(last+n-begin, 10)}
	if partial {
		header["Upload-Concat"] = "partial"
	}
	url, err := t.create(ctx, header, nil)
	if err != nil {
		return "", err
	}
	l := newLoader(f.noise)
	for i := from; i < to; i++ {
		off, _ := f.extent(i)
		if err := t.patch(ctx, url, off-begin, l.chunk(f, i)); err != nil {
			return "", fmt.Errorf("chunk %d: %w", i, err)
		}
	}
	return url, nil
}

// sync makes an upload durable, which tusd does not do itself.
func (t *tusd) sync(url string) error {
	f, err := os.Open(filepath.Join(t.proc.dir, "data", url[strings.LastIndex(url, "/")+1:]))
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// put creates an upload with its bytes. They are not synced: that would be one more request.
func (t *tusd) put(ctx context.Context, _ string, body []byte) error {
	_, err := t.create(ctx, map[string]string{
		"Upload-Length": strconv.Itoa(len(body)), "Content-Type": "application/offset+octet-stream",
	}, body)
	return err
}

func (t *tusd) offer(ctx context.Context, f file) (*http.Request, error) {
	url, err := t.part(ctx, f, 0, f.chunks(), false)
	if err != nil {
		return nil, err
	}
	return http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
}

// nginx serves files from a folder.
type nginx struct{ proc *process }

const nginxConf = `daemon off; worker_processes 2; pid nginx.pid; error_log stderr error; %s
events {}
http { access_log off; sendfile on; tcp_nopush on; server { listen %s; root www; } }
`

func startNginx(ctx context.Context, bin, dir string) (live, error) {
	addr, err := testenv.FreeAddr()
	if err != nil {
		return nil, err
	}
	user := ""
	if os.Geteuid() == 0 {
		user = "user root;" // else its workers may not read the temporary folder
	}
	if err := os.Mkdir(filepath.Join(dir, "www"), 0o755); err != nil {
		return nil, err
	}
	conf := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(conf, fmt.Appendf(nil, nginxConf, user, addr), 0o644); err != nil {
		return nil, err
	}
	cmd := exec.Command(bin, "-p", dir, "-c", conf, "-e", "stderr")
	p, err := launch(ctx, dir, addr, "/", cmd)
	if err != nil {
		return nil, err
	}
	workers := family(p.pid)[1:]
	kill := p.kill
	p.kill = func() { // the workers would outlive their master
		kill()
		for _, pid := range workers {
			if w, err := os.FindProcess(pid); err == nil {
				_ = w.Kill()
			}
		}
	}
	return &nginx{p}, nil
}

func (n *nginx) process() *process { return n.proc }

func (n *nginx) upload(context.Context, file, int) (time.Duration, error) { return 0, errCannot }
func (n *nginx) put(context.Context, string, []byte) error                { return errCannot }

func (n *nginx) offer(ctx context.Context, f file) (*http.Request, error) {
	if err := writeFile(filepath.Join(n.proc.dir, "www", "offered"), f); err != nil {
		return nil, err
	}
	return http.NewRequestWithContext(ctx, http.MethodGet, n.proc.url+"/offered", nil)
}
