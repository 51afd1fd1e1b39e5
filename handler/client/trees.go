package client

import (
	"context"
	"iter"
	"net/http"
	"net/url"
	"strconv"

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
	Text string // what the names contain, whatever the case of their letters
	Path string // only below this folder; empty: everywhere
	Sort string // name or newest; empty: name
	Page int    // entries per request; 0: the drive's choice
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
	if s.Page > 0 {
		q.Set("limit", strconv.Itoa(s.Page))
	}
	return c.pages(ctx, "/file/search", q)
}
