package client

import (
	"context"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"time"

	"github.com/blinkdrive/blinkdrive/handler/api"
)

// A FormFile is one file of a form. Its size need not be known.
type FormFile struct {
	Name     string
	Content  io.Reader
	Modified time.Time // the file's own time; zero: unknown
}

// UploadForm sends files as a browser's form does, streamed, into a folder ("" is the root). It is for small files and
// for sources of unknown length: it cannot be resumed and is not tried again. All files arrive, or none.
func (c *Client) UploadForm(ctx context.Context, folder string, files ...FormFile) ([]api.Meta, error) {
	dog := watch(ctx, c.opts.Stall)
	defer dog.stop()
	r, w := io.Pipe()
	form := multipart.NewWriter(w)
	go func() { w.CloseWithError(writeForm(form, dog, files)) }()
	defer r.Close() // ends the goroutine, should the drive answer before it has read all

	u := c.base.JoinPath("/file/upload")
	if folder != "" {
		u.RawQuery = url.Values{"path": {folder}}.Encode()
	}
	req, err := http.NewRequestWithContext(dog.ctx, http.MethodPost, u.String(), r)
	if err != nil {
		return nil, fmt.Errorf("/file/upload: %w", err)
	}
	req.Header.Set("Content-Type", form.FormDataContentType())
	req.Header.Set("Accept", "application/json")
	c.sign(req)
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, call{path: u.Path}.explain(dog.explain(err))
	}
	defer resp.Body.Close()
	return formResult(resp, dog)
}

func formResult(resp *http.Response, dog *watchdog) ([]api.Meta, error) {
	body, err := io.ReadAll(io.LimitReader(dog.reader(resp.Body), maxAnswer))
	if err != nil {
		return nil, fmt.Errorf("/file/upload: could not read the response: %w", dog.explain(err))
	}
	a := answer{resp.StatusCode, resp.Header, body}
	if err := a.failure(); err != nil {
		return nil, err
	}
	var ms []api.Meta
	env, err := a.enveloped(&ms)
	if err == nil && env.Code != api.OK {
		err = a.refused(env)
	}
	return ms, err
}

func writeForm(form *multipart.Writer, dog *watchdog, files []FormFile) error {
	for _, f := range files {
		if !f.Modified.IsZero() {
			if err := form.WriteField("mtime", f.Modified.UTC().Format(time.RFC3339Nano)); err != nil {
				return err
			}
		}
		part, err := form.CreateFormFile("file", f.Name)
		if err != nil {
			return err
		}
		if _, err := io.Copy(part, dog.reader(f.Content)); err != nil {
			return &sourceError{err}
		}
	}
	return form.Close()
}
