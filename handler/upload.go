package handler

import (
	"mime/multipart"
	"net/http"
	"strings"
	"time"

	"github.com/blinkdrive/blinkdrive/handler/api"
	"github.com/blinkdrive/blinkdrive/service"
	"github.com/blinkdrive/blinkdrive/store"
)

// upload takes a form with any number of files, streamed. They become visible together, or not at all.
func (s *Server) upload(w http.ResponseWriter, r *http.Request, c *call) error {
	in := &formUpload{server: s, r: r, c: c}
	defer in.close()
	if err := in.read(); err != nil {
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

// A formUpload stages the files of one form.
type formUpload struct {
	server *Server
	r      *http.Request
	c      *call
	form   *service.Form // nil before the first file
	files  int
	mtime  time.Time // of the last file; zero if the form has not said
}

func (f *formUpload) read() error {
	in := f.c.form
	if in.err != nil {
		return invalid("the request body must be a multipart form")
	}
	for {
		file, err := in.nextFile(f.c.creds.cookie)
		if err != nil {
			return err
		}
		if file == nil {
			return nil
		}
		if err := f.stage(file, in.takeTime()); err != nil {
			return cutForm(err)
		}
		in.begun = true
	}
}

func (f *formUpload) stage(file *multipart.Part, mtime time.Time) error {
	if f.form == nil {
		clash, err := f.c.Params.clash()
		if err != nil {
			return err
		}
		if f.form, err = f.server.Uploads.NewForm(f.r.Context(), f.c.User, f.c.Params.get("path"), clash); err != nil {
			return err
		}
	}
	f.files++
	f.form.Modified, f.mtime = mtime, mtime
	return f.form.Add(f.r.Context(), file.FileName(), file)
}

// commit makes the files visible, with what the fields behind them said.
func (f *formUpload) commit() ([]store.Entry, error) {
	if f.form == nil {
		return nil, invalid("the form must contain at least one file")
	}
	clash, err := f.c.Params.clash()
	if err != nil {
		return nil, err
	}
	if err := f.form.Retarget(f.c.Params.get("path"), clash); err != nil {
		return nil, err
	}
	if err := f.timeOnly(); err != nil {
		return nil, err
	}
	return f.form.Commit(f.r.Context())
}

// timeOnly gives the only file of a form the modification time that the query, or a field behind the file, has named. Such
// a time is refused if it could be that of several files, or contradicts another.
func (f *formUpload) timeOnly() error {
	query, err := f.c.Params.time("mtime")
	if err != nil {
		return err
	}
	for _, t := range []time.Time{f.c.form.takeTime(), query} {
		switch {
		case t.IsZero():
			continue
		case f.files > 1:
			return invalid("in a form with several files, mtime must be a field before its file")
		case !f.mtime.IsZero() && !f.mtime.Equal(t):
			return invalid("parameter %q has two different values", "mtime")
		}
		f.mtime = t
		f.form.SetModified(t)
	}
	return nil
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
