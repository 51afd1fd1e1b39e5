package handler

import (
	"bufio"
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"strings"
	"sync"
	"time"

	"github.com/blinkdrive/blinkdrive/handler/api"
	"github.com/blinkdrive/blinkdrive/service"
	"github.com/blinkdrive/blinkdrive/store"
)

// maxField is the longest plain field of an upload form.
const maxField = 64 << 10

// formBuffer is how many bytes of a form are read from its connection at a time: multipart's own reader asks for 4 KiB.
const formBuffer = 64 << 10

var formBuffers = sync.Pool{New: func() any { return bufio.NewReaderSize(nil, formBuffer) }}

// A bufferedBody is read through a buffer.
type bufferedBody struct {
	io.Reader
	io.Closer
}

// upload takes a form with any number of files, streamed. They become visible together, or not at all.
func (s *Server) upload(w http.ResponseWriter, r *http.Request, c *call) error {
	buf := formBuffers.Get().(*bufio.Reader)
	defer formBuffers.Put(buf)
	buf.Reset(r.Body)
	r.Body = bufferedBody{buf, r.Body}
	parts, err := r.MultipartReader()
	if err != nil {
		return invalid("the request body must be a multipart form")
	}
	clash, err := c.Params.clash()
	if err != nil {
		return err
	}
	in := &formUpload{server: s, r: r, c: c, path: c.Params.get("path"), clash: clash}
	defer in.close()
	if err := in.read(parts); err != nil {
		return err
	}
	entries, err := in.commit()
	if err != nil {
		return err
	}
	if wantsPage(r) {
		http.Redirect(w, r, "/file/upload/success", http.StatusFound)
		return nil
	}
	metas, err := s.metas(r, c, entries)
	if err != nil {
		return err
	}
	return writeOK(w, metas)
}

// wantsPage reports whether a browser sent its own form, rather than a program or a script of a page.
func wantsPage(r *http.Request) bool {
	return strings.Contains(r.Header.Get("Accept"), "text/html")
}

func (s *Server) metas(r *http.Request, c *call, entries []store.Entry) ([]api.Meta, error) {
	metas := make([]api.Meta, len(entries))
	for i, e := range entries {
		item, err := s.Files.Locate(r.Context(), c.User.ID, e)
		if err != nil {
			return nil, err
		}
		metas[i] = metaOf(item)
	}
	return metas, nil
}

// A formUpload is one form on its way in.
type formUpload struct {
	server *Server
	r      *http.Request
	c      *call
	path   string        // of the folder; a field may name it before the first file
	mtime  time.Time     // of the next file, where a field before it says so
	clash  store.Clash   // what is done about taken names
	form   *service.Form // nil before the first file
}

func (f *formUpload) read(parts *multipart.Reader) error {
	for {
		part, err := parts.NextRawPart()
		if errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return cutForm(err)
		}
		if err := f.take(part); err != nil {
			return cutForm(err)
		}
	}
}

// cutForm says that a form is malformed or ended early, where nothing better is known.
func cutForm(err error) error {
	if _, known := errors.AsType[*service.Error](err); known {
		return err
	}
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		return &service.Error{Kind: service.CutOff, Msg: "the form ended early", Cause: err}
	}
	if _, header := errors.AsType[textproto.ProtocolError](err); header || strings.HasPrefix(err.Error(), "multipart:") {
		return &service.Error{Kind: service.Invalid, Msg: "malformed form", Cause: err}
	}
	return err
}

// take stages a file, or notes the folder. A file field that was left empty has no name.
func (f *formUpload) take(part *multipart.Part) error {
	name := part.FileName()
	if name == "" {
		return f.field(part)
	}
	if f.form == nil {
		var err error
		if f.form, err = f.server.Uploads.NewForm(f.r.Context(), f.c.User, f.path, f.clash); err != nil {
			return err
		}
	}
	f.form.Modified, f.mtime = f.mtime, time.Time{}
	return f.form.Add(f.r.Context(), name, part)
}

func (f *formUpload) field(part *multipart.Part) error {
	value, err := io.ReadAll(io.LimitReader(part, maxField+1))
	switch {
	case err != nil:
		return err
	case len(value) > maxField:
		return invalid("a form field must not be longer than %d bytes", maxField)
	case part.FormName() == "path" && f.form == nil:
		f.path = string(value)
	case part.FormName() == "mtime" && len(value) > 0:
		f.mtime, err = parseTime("mtime", string(value))
	}
	return err
}

func (f *formUpload) commit() ([]store.Entry, error) {
	if f.form == nil {
		return nil, invalid("the form must contain at least one file")
	}
	return f.form.Commit(f.r.Context())
}

// close removes what was not committed. If that fails the sweeper will do it, so the log is enough.
func (f *formUpload) close() {
	if f.form == nil {
		return
	}
	if err := f.form.Close(); err != nil {
		f.server.log().WarnContext(f.r.Context(), "could not remove staged files", "request_id", f.c.ID, "err", err)
	}
}
