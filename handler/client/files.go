package client

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/blinkdrive/blinkdrive/handler/api"
)

// A Ref names an entry: exactly one by ID, or the user's newest file with a digest.
type Ref struct{ ID, Digest string }

// ByID names the entry with this ID.
func ByID(id string) Ref { return Ref{ID: id} }

// ByDigest names the user's newest file whose SHA-1 is this, in hexadecimal.
func ByDigest(digest string) Ref { return Ref{Digest: digest} }

func (r Ref) values() url.Values {
	if r.ID != "" {
		return url.Values{"id": {r.ID}}
	}
	return url.Values{"filehash": {r.Digest}}
}

// Meta returns what the drive knows of an entry.
func (c *Client) Meta(ctx context.Context, r Ref) (api.Meta, error) {
	var m api.Meta
	_, err := c.bare(ctx, call{method: http.MethodGet, path: "/file/meta", query: r.values(), again: true}, &m)
	return m, err
}

// MetaAt returns what the drive knows of the entry at a path from the root.
func (c *Client) MetaAt(ctx context.Context, path string) (api.Meta, error) {
	var m api.Meta
	query := url.Values{"path": {path}}
	_, err := c.bare(ctx, call{method: http.MethodGet, path: "/file/meta", query: query, again: true}, &m)
	return m, err
}

// A Listing says which entries List goes through.
type Listing struct {
	Path  string // a folder, "/" for the root; empty: all files in whatever folder, newest first
	Sort  string // name, size, time or newest; empty: the drive's choice
	Order string // asc or desc; empty: names rise, sizes and times fall. Folders stay before files
	Page  int    // entries per request; 0: the drive's choice
}

// List goes through entries, page by page. The first error ends it.
func (c *Client) List(ctx context.Context, l Listing) iter.Seq2[api.QueryEntry, error] {
	q := url.Values{}
	if l.Path != "" {
		q.Set("path", l.Path)
	}
	if l.Sort != "" {
		q.Set("sort", l.Sort)
	}
	if l.Order != "" {
		q.Set("order", l.Order)
	}
	if l.Page > 0 {
		q.Set("limit", strconv.Itoa(l.Page))
	}
	return c.pages(ctx, "/file/query", q)
}

// Trash goes through the entries that the trash lists, deleted last first. What went there with a folder is in TrashFolder.
func (c *Client) Trash(ctx context.Context) iter.Seq2[api.QueryEntry, error] {
	return c.pages(ctx, "/file/trash", url.Values{})
}

// TrashFolder goes through what the trash holds of a folder, which is in the trash itself or was restored in part.
func (c *Client) TrashFolder(ctx context.Context, id string) iter.Seq2[api.QueryEntry, error] {
	return c.pages(ctx, "/file/trash", url.Values{"id": {id}})
}

func (c *Client) pages(ctx context.Context, path string, q url.Values) iter.Seq2[api.QueryEntry, error] {
	return func(yield func(api.QueryEntry, error) bool) {
		q := maps.Clone(q) // each walk has its own cursor
		for {
			var page []api.QueryEntry
			h, err := c.bare(ctx, call{method: http.MethodGet, path: path, query: q, again: true}, &page)
			if err != nil {
				yield(api.QueryEntry{}, err)
				return
			}
			for _, e := range page {
				if !yield(e, nil) {
					return
				}
			}
			if h.Get(api.HeaderNextCursor) == "" {
				return
			}
			q.Set("cursor", h.Get(api.HeaderNextCursor))
		}
	}
}

// Rename gives an entry another name in its folder. A name that is taken there is a refusal with api.NameTaken.
func (c *Client) Rename(ctx context.Context, r Ref, name string) (api.Meta, error) {
	return c.update(ctx, r, "0", url.Values{"filename": {name}})
}

// SetModified changes the modification time of an entry.
func (c *Client) SetModified(ctx context.Context, r Ref, modified time.Time) (api.Meta, error) {
	return c.update(ctx, r, "0", url.Values{"mtime": {modified.UTC().Format(time.RFC3339Nano)}})
}

// Move puts an entry into another folder, and gives it another name too unless name is empty.
func (c *Client) Move(ctx context.Context, r Ref, folder, name string) (api.Meta, error) {
	v := url.Values{"path": {folder}}
	if name != "" {
		v.Set("filename", name)
	}
	return c.update(ctx, r, "1", v)
}

// Restore restores an entry of the trash, or part of a folder there, to the path where it was. Of a folder that was restored
// with a part it restores the rest.
func (c *Client) Restore(ctx context.Context, r Ref) (api.Meta, error) {
	return c.update(ctx, r, "2", url.Values{})
}

func (c *Client) update(ctx context.Context, r Ref, op string, form url.Values) (api.Meta, error) {
	for k, v := range r.values() {
		form[k] = v
	}
	form.Set("op", op)
	var m api.Meta
	_, err := c.bare(ctx, call{method: http.MethodPost, path: "/file/update", form: form}, &m)
	return m, err
}

// Delete puts an entry in the trash.
func (c *Client) Delete(ctx context.Context, r Ref) error {
	_, err := c.do(ctx, call{method: http.MethodPost, path: "/file/delete", form: r.values()})
	return err
}

// Purge permanently removes an entry of the trash, or part of a folder there; with an empty ID, all that is there.
func (c *Client) Purge(ctx context.Context, id string) error {
	form := url.Values{}
	if id != "" {
		form.Set("id", id)
	}
	return c.ask(ctx, call{method: http.MethodPost, path: "/file/purge", form: form}, nil)
}

// Mkdir makes a folder and those above it. It is no error that it is there.
func (c *Client) Mkdir(ctx context.Context, path string) error {
	form := url.Values{"path": {path}}
	return c.ask(ctx, call{method: http.MethodPost, path: "/file/mkdir", form: form, again: true}, nil)
}

// A Link is an absolute URL that whoever has it may download from until it expires.
type Link struct {
	URL     string
	Expires time.Time // to the second; zero where the drive does not say
}

// DownloadURL returns an absolute URL that whoever has it may download from until it expires.
func (c *Client) DownloadURL(ctx context.Context, r Ref) (string, error) {
	link, err := c.Link(ctx, r, 0)
	return link.URL, err
}

// Link makes a link that is good for so long, in whole seconds; with 0 as long as the drive thinks fit. The error has the
// code InvalidParam where the drive allows no such life.
func (c *Client) Link(ctx context.Context, r Ref, life time.Duration) (Link, error) {
	query := r.values()
	if life != 0 {
		query.Set("lifetime", strconv.FormatInt(int64(life/time.Second), 10))
	}
	a, err := c.do(ctx, call{method: http.MethodGet, path: "/file/downloadurl", query: query, again: true})
	if err != nil {
		return Link{}, err
	}
	link := Link{URL: strings.TrimSpace(string(a.body))}
	if until := a.header.Get(api.HeaderExpiresAt); until != "" {
		if link.Expires, err = time.Parse(time.RFC3339, until); err != nil {
			return Link{}, fmt.Errorf("/file/downloadurl: invalid expiry: %w", err)
		}
	}
	return link, nil
}
