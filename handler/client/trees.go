package client

import (
	"context"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/blinkdrive/blinkdrive/handler/api"
)

// A CopyTarget says where a copy is to be.
type CopyTarget struct {
	Folder   string // made where it is missing; empty: where the original is
	Name     string // empty: the original's
	Conflict string // rename, replace or fail; empty: rename
}

// Copy makes another entry of the same content, or another folder with all that is in the original. No bytes move.
func (c *Client) Copy(ctx context.Context, r Ref, to CopyTarget) (api.Copied, error) {
	form := r.values()
	for name, value := range map[string]string{"path": to.Folder, "filename": to.Name, "conflict": to.Conflict} {
		if value != "" {
			form.Set(name, value)
		}
	}
	var m api.Copied
	err := c.ask(ctx, call{method: http.MethodPost, path: "/file/copy", form: form}, &m)
	return m, err
}

// A Searching says which entries Search goes through.
type Searching struct {
	Text  string // what the names contain, whatever the case of their letters
	Path  string // only below this folder; empty: everywhere
	Sort  string // name or newest; empty: name
	Order string // as in a Listing
	Page  int    // entries per request; 0: the drive's choice
}

// Search goes through the entries whose names contain a text, page by page. The first error ends it.
func (c *Client) Search(ctx context.Context, s Searching) iter.Seq2[api.QueryEntry, error] {
	q := url.Values{"query": {s.Text}}
	if s.Path != "" {
		q.Set("path", s.Path)
	}
	if s.Sort != "" {
		q.Set("sort", s.Sort)
	}
	if s.Order != "" {
		q.Set("order", s.Order)
	}
	if s.Page > 0 {
		q.Set("limit", strconv.Itoa(s.Page))
	}
	return c.pages(ctx, "/file/search", q)
}

// maxZipQuery is how many entries a request for a zip names in its URL.
const maxZipQuery = 100

// Zip writes one zip of some files and folders to w, as it comes, and returns how many bytes came. After trouble on the way
// it goes on where it was; ErrChanged: what is to be in the zip has changed by then. A zip of more than 100 IDs is not resumed.
// If a file cannot be read, what came is cut off, and that is an error.
func (c *Client) Zip(ctx context.Context, w io.Writer, ids ...string) (int64, error) {
	if len(ids) > maxZipQuery {
		return c.zipOnce(ctx, w, ids)
	}
	s := c.stream(ctx, Ref{}, 0, -1, nil)
	s.path, s.query = "/file/zip", url.Values{"id": {strings.Join(ids, ",")}}
	defer s.Close()
	return io.CopyBuffer(struct{ io.Writer }{w}, s, make([]byte, copySize))
}

// zipOnce has room for any number of IDs in its request, which is a POST, and so has no ranges.
func (c *Client) zipOnce(ctx context.Context, w io.Writer, ids []string) (int64, error) {
	k := call{method: http.MethodPost, path: "/file/zip", form: url.Values{"id": {strings.Join(ids, ",")}}}
	dog := watch(ctx, c.opts.Stall)
	defer dog.stop()
	req, err := c.request(dog.ctx, k)
	if err != nil {
		return 0, err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return 0, k.explain(dog.explain(err))
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		body, err := io.ReadAll(io.LimitReader(dog.reader(resp.Body), maxAnswer))
		if err != nil {
			return 0, k.explain(dog.explain(err))
		}
		return 0, answer{resp.StatusCode, resp.Header, body}.failure()
	}
	n, err := io.CopyBuffer(w, dog.reader(resp.Body), make([]byte, copySize))
	if err == nil && resp.ContentLength >= 0 && n != resp.ContentLength {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return n, fmt.Errorf("%s: %w", k.path, dog.explain(err))
	}
	return n, nil
}

// Thumbnail returns a small picture of a picture, as JPEG or PNG, that fits into a square of size pixels, up to 512.
func (c *Client) Thumbnail(ctx context.Context, r Ref, size int) ([]byte, error) {
	q := r.values()
	q.Set("size", strconv.Itoa(size))
	a, err := c.do(ctx, call{method: http.MethodGet, path: "/file/thumbnail", query: q, again: true})
	return a.body, err
}
