package handler

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/blinkdrive/blinkdrive/handler/api"
	"github.com/blinkdrive/blinkdrive/service"
	"github.com/blinkdrive/blinkdrive/store"
)

// maxChunkHashes bounds the list that complete may bring, as the number of chunks is bounded.
const maxChunkHashes = service.MaxChunks

func (s *Server) uploadInit(w http.ResponseWriter, r *http.Request, c *call) error {
	req, err := parseInit(c.Params)
	if err != nil {
		return err
	}
	st, err := s.Uploads.Init(r.Context(), c.User, req)
	if err != nil {
		return err
	}
	return writeOK(w, api.Init{
		FileHash: digestText(st.Digest), FileSize: st.Layout.Size, UploadID: string(st.ID),
		ChunkSize: st.Layout.ChunkSize, ChunkCount: st.Layout.Count(), ChunkExists: append([]int{}, st.Held...),
	})
}

// parseInit reads an init. Where it binds a digest to an upload, the size need not be said again.
func parseInit(p params) (req service.InitRequest, err error) {
	if req.Digest, err = p.digest("filehash"); err != nil {
		return req, err
	}
	if p.has("uploadid") {
		if req.Upload, err = p.uploadID(); err != nil {
			return req, err
		}
	} else if _, err = p.need("filesize"); err != nil {
		return req, err
	}
	if req.Size, err = p.integer("filesize", 0); err != nil {
		return req, err
	}
	if req.ChunkSize, err = p.integer("chunksize", 0); err != nil {
		return req, err
	}
	req.Name, req.Path = p.get("filename"), p.get("path")
	req.Modified, err = p.time("mtime")
	return req, err
}

// uploadPart takes a chunk. Its body is raw, whatever the Content-Type claims: old clients claim a form.
func (s *Server) uploadPart(w http.ResponseWriter, r *http.Request, c *call) error {
	part, err := parsePart(c.Params)
	if err != nil {
		return err
	}
	part.Length = r.ContentLength
	if err := s.Uploads.PutChunk(r.Context(), c.User.ID, part, r.Body); err != nil {
		return err
	}
	return writeOK(w, nil)
}

func parsePart(p params) (part service.Part, err error) {
	if part.Upload, err = p.uploadID(); err != nil {
		return part, err
	}
	if _, err = p.need("index"); err != nil {
		return part, err
	}
	index, err := p.integer("index", 0)
	if err != nil {
		return part, err
	}
	if part.Index = int(index); int64(part.Index) != index {
		return part, invalid("chunk index %d is out of range", index)
	}
	name := "chkhash"
	if !p.has(name) {
		name = "chunkSha1"
	}
	part.Digest, err = p.digest(name)
	return part, err
}

func (s *Server) uploadComplete(w http.ResponseWriter, r *http.Request, c *call) error {
	req, err := parseComplete(c.Params)
	if err != nil {
		return err
	}
	e, err := s.Uploads.Complete(r.Context(), c.User, req)
	if err != nil {
		return err
	}
	if e.ID == "" { // done before, and deleted since
		return writeOK(w, nil)
	}
	item, err := s.Files.Locate(r.Context(), c.User.ID, e)
	if err != nil {
		return err
	}
	return writeOK(w, metaOf(item))
}

func parseComplete(p params) (req service.CompleteRequest, err error) {
	if req.Upload, err = p.uploadID(); err != nil {
		return req, err
	}
	if req.Digest, err = p.digest("filehash"); err != nil {
		return req, err
	}
	if req.Size, err = p.size(); err != nil {
		return req, err
	}
	req.Name, req.Path = p.get("filename"), p.get("path")
	if req.Modified, err = p.time("mtime"); err != nil {
		return req, err
	}
	if req.Clash, err = p.clash(); err != nil {
		return req, err
	}
	req.Digests, err = p.digests("chunkhashes")
	return req, err
}

func (s *Server) uploadCancel(w http.ResponseWriter, r *http.Request, c *call) error {
	if c.Params.get("uploadid") == "" {
		d, err := c.Params.digest("filehash")
		if err != nil {
			return err
		}
		if d.IsZero() {
			return invalid("parameter uploadid or filehash is required")
		}
		if err := s.Uploads.CancelDigest(r.Context(), c.User.ID, d); err != nil {
			return err
		}
		return writeOK(w, nil)
	}
	id, err := c.Params.uploadID()
	if err != nil {
		return err
	}
	if err := s.Uploads.Cancel(r.Context(), c.User.ID, id); err != nil {
		return err
	}
	return writeOK(w, nil)
}

func (s *Server) uploadStatus(w http.ResponseWriter, r *http.Request, c *call) error {
	if c.Params.get("uploadid") != "" {
		id, err := c.Params.uploadID()
		if err != nil {
			return err
		}
		st, err := s.Uploads.Status(r.Context(), c.User.ID, id)
		if err != nil {
			return err
		}
		return writeOK(w, statusOf(st))
	}
	all, err := s.Uploads.Unfinished(r.Context(), c.User.ID)
	if err != nil {
		return err
	}
	list := make([]api.UploadStatus, len(all))
	for i, st := range all {
		list[i] = statusOf(st)
	}
	return writeOK(w, list)
}

func statusOf(st service.UploadStatus) api.UploadStatus {
	total, held := st.Layout.Count(), len(st.Held)
	percent := 100
	if total > 0 {
		percent = held * 100 / total
	}
	return api.UploadStatus{
		UploadID: string(st.ID), FileHash: digestText(st.Digest), FileName: st.Name, FileSize: st.Layout.Size,
		ChunkSize: st.Layout.ChunkSize, ChunkCount: total, ChunkExists: append([]int{}, st.Held...),
		TotalCount: total, CurCount: held, ProgressPercent: percent, ExpiresAt: rfc3339(st.Expires),
	}
}

func digestText(d store.Digest) string {
	if d.IsZero() {
		return ""
	}
	return d.String()
}

// uploadID returns the upload that a request is about. One that cannot be is as unknown as one that is not.
func (p params) uploadID() (store.UploadID, error) {
	text, err := p.need("uploadid")
	if err != nil {
		return "", err
	}
	id, err := store.ParseUploadID(text)
	if err != nil {
		return "", &service.Error{Kind: service.NotFound, Msg: "upload not found", Cause: err}
	}
	return id, nil
}

// size returns the claimed size of a file, -1 where none is claimed.
func (p params) size() (int64, error) {
	n, err := p.integer("filesize", -1)
	if err == nil && n < 0 && p.get("filesize") != "" {
		err = invalid("parameter filesize must not be negative")
	}
	return n, err
}

// time returns a time in RFC 3339, zero where there is none.
func (p params) time(name string) (time.Time, error) {
	if p.get(name) == "" {
		return time.Time{}, nil
	}
	return parseTime(name, p.get(name))
}

func parseTime(name, value string) (time.Time, error) {
	t, err := time.Parse(time.RFC3339, value)
	t = t.UTC() // which may be another year
	if err != nil || t.Year() < 1 || t.Year() > 9999 {
		return time.Time{}, invalid("parameter %s must be a time such as 2006-01-02T15:04:05Z", name)
	}
	return t, nil
}

// clash returns what is to be done about a taken name, empty where nothing is said.
func (p params) clash() (store.Clash, error) {
	switch c := store.Clash(p.get("conflict")); c {
	case "", store.ClashRename, store.ClashReplace, store.ClashFail:
		return c, nil
	}
	return "", invalid("parameter conflict must be rename, replace or fail")
}

// digests returns SHA-1s separated by commas, nil where there are none.
func (p params) digests(name string) ([]store.Digest, error) {
	if p.get(name) == "" {
		return nil, nil
	}
	if n := strings.Count(p.get(name), ","); n >= maxChunkHashes {
		return nil, invalid("parameter %s must not have more than %d entries", name, maxChunkHashes)
	}
	var list []store.Digest
	for text := range strings.SplitSeq(p.get(name), ",") {
		d, err := store.ParseDigest(strings.TrimSpace(text))
		if err != nil {
			return nil, invalid("entry %s of parameter %s must be 40 hexadecimal characters", strconv.Itoa(len(list)+1), name)
		}
		list = append(list, d)
	}
	return list, nil
}
