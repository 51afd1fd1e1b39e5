package client

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/blinkdrive/blinkdrive/handler/api"
)

// completePatience is how long complete may be silent: the drive hashes what its follower has not, or reads all again.
const completePatience = 30 * time.Minute

// A Target says which entry an upload is to make.
type Target struct {
	Name     string
	Path     string    // the folder; empty is the root
	Modified time.Time // the file's own time; zero: unknown
	Conflict string    // where the name is taken: rename, replace or fail; empty: the drive's choice, rename
}

func (t Target) values() url.Values {
	v := url.Values{}
	set := func(name, value string) {
		if value != "" {
			v.Set(name, value)
		}
	}
	set("filename", t.Name)
	set("path", t.Path)
	set("conflict", t.Conflict)
	if !t.Modified.IsZero() {
		set("mtime", t.Modified.UTC().Format(time.RFC3339Nano))
	}
	return v
}

// An InitRequest opens an upload, goes on with the one that is open for the same digest, or binds a digest.
type InitRequest struct {
	Target
	Digest    string // SHA-1 in hexadecimal; empty: not known yet
	Size      int64
	ChunkSize int64  // 0: the drive's choice
	UploadID  string // with Digest: an open upload to bind it to
}

// Init opens an upload. api.AlreadyHave: the user has this content, Instant makes an entry of it.
func (c *Client) Init(ctx context.Context, r InitRequest) (api.Init, error) {
	v := r.values()
	v.Set("filesize", strconv.FormatInt(r.Size, 10))
	if r.Digest != "" {
		v.Set("filehash", r.Digest)
	}
	if r.ChunkSize > 0 {
		v.Set("chunksize", strconv.FormatInt(r.ChunkSize, 10))
	}
	if r.UploadID != "" {
		v.Set("uploadid", r.UploadID)
	}
	repeatable := r.Digest != "" || r.UploadID != "" // without either, each is a new upload
	var in api.Init
	err := c.ask(ctx, call{method: http.MethodPost, path: "/file/mpupload/init", form: v, again: repeatable}, &in)
	return in, err
}

// PutChunk sends length bytes of src from off as a chunk of an upload, once. With a digest (SHA-1 in hexadecimal) the
// drive refuses bytes that do not have it: api.DigestMismatch.
func (c *Client) PutChunk(ctx context.Context, uploadID string, index int, src io.ReaderAt, off, length int64, digest string) error {
	return c.putChunk(ctx, uploadID, index, &sectionBody{src: src, off: off, length: length}, digest)
}

func (c *Client) putChunk(ctx context.Context, uploadID string, index int, body *sectionBody, digest string) error {
	q := url.Values{"uploadid": {uploadID}, "index": {strconv.Itoa(index)}}
	if digest != "" {
		q.Set("chkhash", digest)
	}
	return c.ask(ctx, call{method: http.MethodPost, path: "/file/mpupload/uppart", query: q, body: body}, nil)
}

// A CompleteRequest ends an upload.
type CompleteRequest struct {
	Target
	UploadID     string
	Digest       string
	Size         int64
	ChunkDigests []string // of all chunks in order, or none; lets the drive name the bad ones
}

// Complete makes the entry. api.ChunksMissing, api.DigestMismatch: the error names the chunks to send.
func (c *Client) Complete(ctx context.Context, r CompleteRequest) (api.Meta, error) {
	v := r.values()
	v.Set("uploadid", r.UploadID)
	v.Set("filesize", strconv.FormatInt(r.Size, 10))
	if r.Digest != "" {
		v.Set("filehash", r.Digest)
	}
	if len(r.ChunkDigests) > 0 {
		v.Set("chunkhashes", strings.Join(r.ChunkDigests, ","))
	}
	var m api.Meta
	err := c.ask(ctx, call{
		method: http.MethodPost, path: "/file/mpupload/complete", form: v, again: true, patient: completePatience,
	}, &m)
	return m, err
}

// UploadStatus tells how far an unfinished upload has come.
func (c *Client) UploadStatus(ctx context.Context, uploadID string) (api.UploadStatus, error) {
	return c.uploadStatus(ctx, uploadID, true)
}

func (c *Client) uploadStatus(ctx context.Context, uploadID string, again bool) (api.UploadStatus, error) {
	var s api.UploadStatus
	q := url.Values{"uploadid": {uploadID}}
	err := c.ask(ctx, call{method: http.MethodGet, path: "/file/mpupload/status", query: q, again: again}, &s)
	return s, err
}

// Uploads tells of all unfinished uploads of the user.
func (c *Client) Uploads(ctx context.Context) ([]api.UploadStatus, error) {
	var s []api.UploadStatus
	err := c.ask(ctx, call{method: http.MethodGet, path: "/file/mpupload/status", again: true}, &s)
	return s, err
}

// Cancel ends an unfinished upload; what was sent is given up.
func (c *Client) Cancel(ctx context.Context, uploadID string) error {
	return c.ask(ctx, cancelCall(uploadID), nil)
}

func cancelCall(uploadID string) call {
	form := url.Values{"uploadid": {uploadID}}
	return call{method: http.MethodPost, path: "/file/mpupload/cancel", form: form, again: true}
}
