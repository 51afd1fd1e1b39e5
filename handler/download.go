package handler

import (
	"encoding/base64"
	"net/http"
	"time"

	"github.com/blinkdrive/blinkdrive/handler/api"
	"github.com/blinkdrive/blinkdrive/service"
	"github.com/blinkdrive/blinkdrive/store"
)

// download serves a file of the caller, or the one that a signed link names.
func (s *Server) download(w http.ResponseWriter, r *http.Request, c *call) error {
	d, err := s.openDownload(r, c)
	if err != nil {
		return err
	}
	defer d.Close()
	h := w.Header()
	content := d.Entry.Content
	h.Set("Content-Type", contentType(d.Entry.Name))
	h.Set("Content-Disposition", contentDisposition(d.Entry.Name))
	h.Set("Content-Security-Policy", "sandbox")
	h.Set("Cache-Control", "private, no-cache")
	h.Set("Etag", `"`+content.Sums.Digest.String()+`"`)
	h.Set("Repr-Digest", "sha-256=:"+base64.StdEncoding.EncodeToString(content.Sums.SHA256[:])+":")
	// The blob goes in as it is: when it is a file, the kernel copies it to the socket.
	out := &rangeWriter{response: w.(*response)}
	http.ServeContent(out, r, "", lastModified(d.Entry), d.Blob)
	if out.refused {
		h.Del("Content-Disposition")
		return writeCode(w, api.BadRange, api.BadRange.Status(), "the range lies behind the end of the file", nil)
	}
	s.Downloads.Served(out.bytes)
	return nil
}

// A rangeWriter holds back what http.ServeContent says of a range that cannot be, so that the answer is like all others.
// The header Content-Range, which tells the size, stays.
type rangeWriter struct {
	*response
	refused bool
}

func (w *rangeWriter) WriteHeader(status int) {
	if status == http.StatusRequestedRangeNotSatisfiable {
		w.refused = true
		return
	}
	w.response.WriteHeader(status)
}

func (w *rangeWriter) Write(p []byte) (int, error) {
	if w.refused {
		return len(p), nil
	}
	return w.response.Write(p)
}

// openDownload opens what a link names, its signature being the credential, and else a file of the signed-in user.
func (s *Server) openDownload(r *http.Request, c *call) (*service.Download, error) {
	if c.Params.get("sig") != "" {
		return s.Downloads.OpenLink(r.Context(), r.URL.RawQuery)
	}
	if c.authErr != nil {
		return nil, c.authErr
	}
	ref, err := c.Params.ref()
	if err != nil {
		return nil, err
	}
	return s.Downloads.Open(r.Context(), c.User.ID, ref)
}

// downloadURL answers a signed link as plain text.
func (s *Server) downloadURL(w http.ResponseWriter, r *http.Request, c *call) error {
	ref, err := c.Params.ref()
	if err != nil {
		return err
	}
	query, err := s.Downloads.Link(r.Context(), c.User, ref)
	if err != nil {
		return err
	}
	return writeText(w, s.baseURL(r)+"/file/download?"+query)
}

// lastModified is the client's time where it named one. The bytes behind an entry never change.
func lastModified(e store.Entry) time.Time {
	if e.Modified.IsZero() {
		return e.Created
	}
	return e.Modified
}
