package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"mime/multipart"
	"net/http"
	"path/filepath"
	"strings"
	"time"

	"github.com/blinkdrive/blinkdrive/cmd/internal/testenv"
	"github.com/blinkdrive/blinkdrive/handler/api"
	"github.com/blinkdrive/blinkdrive/handler/client"
)

// drive is the server that all this is about, with one user signed in.
type drive struct {
	proc  *process
	http  *http.Client
	api   *client.Client
	token string
}

const (
	userName = "bench"
	password = "a bench needs one"
)

// startDrive starts it with nothing set but what keeps it from refusing the work. Transfers do not run: what they do is
// a measurement of its own.
func (b *bench) startDrive(ctx context.Context, bin, dir string, more ...string) (live, error) {
	addr, err := testenv.FreeAddr()
	if err != nil {
		return nil, err
	}
	env := []string{"BLINKDRIVE_DISK_MIN_FREE=0", "BLINKDRIVE_QUOTA_DEFAULT=1TiB", "BLINKDRIVE_ROLES=api"}
	if b.pprof != "" {
		env = append(env, "BLINKDRIVE_ADMIN_LISTEN="+b.pprof)
	}
	s := testenv.Setting{Bin: bin, Data: filepath.Join(dir, "data"), Addr: addr, Env: append(env, more...)}
	p, err := launch(ctx, dir, addr, "/readyz", s.Command(context.WithoutCancel(ctx), "serve"))
	if err != nil {
		return nil, err
	}
	d := &drive{proc: p, http: newHTTP()}
	if d.api, err = d.user(ctx, userName); err != nil {
		p.kill()
		return nil, err
	}
	d.token = d.api.Token()
	return d, nil
}

// user signs somebody up and in.
func (d *drive) user(ctx context.Context, name string) (*client.Client, error) {
	c, err := client.New(d.proc.url, client.Options{HTTP: d.http})
	if err != nil {
		return nil, err
	}
	if err := c.Signup(ctx, name, password); err != nil {
		return nil, err
	}
	_, err = c.Signin(ctx, name, password)
	return c, err
}

func (d *drive) process() *process { return d.proc }

func (d *drive) post(ctx context.Context, path, kind string, body []byte) ([]byte, error) {
	_, answer, err := do(ctx, d.http, request{method: http.MethodPost, url: d.proc.url + path, body: body, header: d.header(kind)})
	return answer, err
}

func (d *drive) header(kind string) map[string]string {
	return map[string]string{"Authorization": "Bearer " + d.token, "Content-Type": kind}
}

func (d *drive) upload(ctx context.Context, f file, conns int) (time.Duration, error) {
	in, err := d.api.Init(ctx, client.InitRequest{
		Target: client.Target{Name: fmt.Sprintf("%x", f.nonce)}, Digest: f.known, Size: f.size, ChunkSize: chunkSize,
	})
	if err != nil {
		return 0, err
	}
	err = f.each(ctx, conns, func(ctx context.Context, i int, p []byte) error {
		_, err := d.post(ctx, fmt.Sprintf("/file/mpupload/uppart?uploadid=%s&index=%d", in.UploadID, i+1),
			"application/octet-stream", p)
		return err
	})
	if err != nil {
		return 0, err
	}
	begun := time.Now()
	_, err = d.api.Complete(ctx, client.CompleteRequest{UploadID: in.UploadID, Digest: f.known, Size: f.size})
	return time.Since(begun), err
}

func (d *drive) put(ctx context.Context, name string, body []byte) error {
	var frame bytes.Buffer // the body goes between its two halves, uncopied: the client is part of what is measured
	w := multipart.NewWriter(&frame)
	if _, err := w.CreateFormFile("file", name); err != nil {
		return err
	}
	at := frame.Len()
	if err := w.Close(); err != nil {
		return err
	}
	_, _, err := do(ctx, d.http, request{method: http.MethodPost, url: d.proc.url + "/file/upload",
		parts: [][]byte{frame.Bytes()[:at], body, frame.Bytes()[at:]}, header: d.header(w.FormDataContentType())})
	return err
}

func (d *drive) offer(ctx context.Context, f file) (*http.Request, error) {
	if _, err := d.upload(ctx, f, 1); err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, d.proc.url+"/file/download?filehash="+f.known, nil)
	if err == nil {
		req.Header.Set("Authorization", "Bearer "+d.token)
	}
	return req, err
}

// question asks for an instant upload, and answers the challenge where there is one.
func question(ctx context.Context, c *client.Client, name, digest string, body []byte) error {
	_, ok, err := c.Instant(ctx, client.InstantRequest{
		Target: client.Target{Name: name}, Digest: digest, Size: int64(len(body)),
	}, bytes.NewReader(body))
	if err == nil && !ok {
		err = fmt.Errorf("the drive does not know %s", digest)
	}
	return err
}

// putMany brings files in one form and returns their digests.
func (d *drive) putMany(ctx context.Context, prefix string, bodies [][]byte) ([]string, error) {
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for i, body := range bodies {
		part, err := w.CreateFormFile("file", fmt.Sprintf("%s %d", prefix, i))
		if err != nil {
			return nil, err
		}
		part.Write(body)
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	text, err := d.post(ctx, "/file/upload", w.FormDataContentType(), b.Bytes())
	if err != nil {
		return nil, err
	}
	var env api.Envelope
	var metas []api.Meta
	if err := json.Unmarshal(text, &env); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(env.Data, &metas); err != nil {
		return nil, err
	}
	digests := make([]string, len(metas))
	for i, m := range metas {
		digests[i] = strings.ToLower(m.FileSha1)
	}
	return digests, nil
}
