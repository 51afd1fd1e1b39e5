package handler

import (
	"encoding/base64"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/blinkdrive/blinkdrive/handler/api"
	"github.com/blinkdrive/blinkdrive/service"
	"github.com/blinkdrive/blinkdrive/store"
)

// download serves a file of the caller, or the one that a signed link names. Where the policy lets it, the object store
// serves it. With inline=1 a browser may show the file, if it is of a kind that cannot run anything; it then comes from
// here in any case, so that what it is shown under is ours to say.
func (s *Server) download(w http.ResponseWriter, r *http.Request, c *call) error {
	inline, err := c.Params.flag("inline")
	if err != nil {
		return err
	}
	e, err := s.findDownload(r, c)
	if err != nil {
		return err
	}
	as := asAttachment(e.Name)
	if inline {
		as = asPreview(e.Name)
	} else {
		url, err := s.Downloads.Redirection(r.Context(), e, as.Presentation)
		if err != nil {
			return err
		}
		if url != "" {
			return redirect(w, url)
		}
	}
	d, err := s.Downloads.OpenEntry(r.Context(), e)
	if err != nil {
		return err
	}
	defer d.Close()
	return s.serve(w, r, c, d, as)
}

func redirect(w http.ResponseWriter, url string) error {
	w.Header().Set("Location", url)
	return write(w, http.StatusFound, "text/plain; charset=utf-8", []byte("the object store has this file\n"))
}

// maxRanges is how many ranges of a file one request may ask for: each may cost a request to the object store.
const maxRanges = 16

func (s *Server) serve(w http.ResponseWriter, r *http.Request, c *call, d *service.Download, as shown) error {
	h := w.Header()
	h.Set("Content-Type", as.MediaType)
	h.Set("Content-Disposition", as.Disposition)
	h.Set("Content-Security-Policy", as.policy)
	h.Set("Cache-Control", "private, no-cache")
	sums := d.Entry.Content.Sums
	h.Set("Etag", `"`+sums.Digest.String()+`"`)
	h.Set("Repr-Digest", "sha-256=:"+base64.StdEncoding.EncodeToString(sums.SHA256[:])+":")
	r.Header.Set("Range", usableRanges(r.Header.Get("Range"), sums.Size))
	// The blob goes in as it is: when it is a file, the kernel copies it to the socket.
	out := &rangeWriter{response: w.(*response), size: sums.Size}
	out.timeout = s.stallTimeout()
	http.ServeContent(out, r, "", lastModified(d.Entry, s.Downloads.Now()), d.Blob)
	if out.refused {
		return badRange(w, "the requested range is outside the file")
	}
	s.served(r, c, out.response)
	return out.readErr
}

// served counts what was sent of a file or zip, and says in the log if its reader did not stay until the end.
func (s *Server) served(r *http.Request, c *call, w *response) {
	s.Downloads.Served(w.bytes)
	if w.sendErr != nil {
		s.log().InfoContext(r.Context(), "download stopped: the client disconnected, or did not read for too long",
			"request_id", c.ID, "path", r.URL.Path, "bytes", w.bytes, "err", w.sendErr)
	}
}

func badRange(w http.ResponseWriter, msg string) error {
	w.Header().Del("Content-Disposition")
	return writeCode(w, api.BadRange, api.BadRange.Status(), msg, nil)
}

// usableRanges returns of a Range header what http.ServeContent answers as RFC 9110 has it, or nothing for all bytes. A server
// must ignore other units, whose names have no case (14.1), and may ignore many ranges (14.2). The last 0 bytes cannot be had (14.1.2), and of an empty
// file nothing can; ServeContent would send them, with a Content-Range that ends before it begins.
func usableRanges(header string, size int64) string {
	unit, list, _ := strings.Cut(header, "=")
	if !strings.EqualFold(unit, "bytes") || size == 0 || strings.Count(list, ",") >= maxRanges {
		return ""
	}
	usable := slices.DeleteFunc(strings.Split(list, ","), func(spec string) bool {
		digits, last := strings.CutPrefix(strings.TrimSpace(spec), "-")
		return last && digits != "" && strings.Trim(digits, "0") == ""
	})
	if len(usable) == 0 {
		return fmt.Sprintf("bytes=%d-", size)
	}
	return "bytes=" + strings.Join(usable, ",")
}

// A rangeWriter holds back what http.ServeContent says of a range that cannot be, so that the answer is like all others.
// The header Content-Range tells the size, also if the range is malformed (RFC 9110, 15.5.17).
type rangeWriter struct {
	*response
	size    int64
	refused bool
}

func (w *rangeWriter) WriteHeader(status int) {
	if status == http.StatusRequestedRangeNotSatisfiable {
		w.refused = true
		w.Header().Set("Content-Range", fmt.Sprintf("bytes */%d", w.size))
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

// findDownload returns what a link names, its signature being the credential, and else a file of the signed-in user.
func (s *Server) findDownload(r *http.Request, c *call) (store.Entry, error) {
	if c.Params.get("sig") != "" {
		return s.Downloads.FindLink(r.Context(), r.URL.RawQuery)
	}
	if c.authErr != nil {
		return store.Entry{}, c.authErr
	}
	ref, err := c.Params.ref()
	if err != nil {
		return store.Entry{}, err
	}
	return s.Downloads.Find(r.Context(), c.User.ID, ref)
}

// downloadURL answers a signed link as plain text: the object store's own where the file is there and the policy lets it,
// else ours; for a folder, or several entries, ours to a zip of them. A header says until when it is good.
func (s *Server) downloadURL(w http.ResponseWriter, r *http.Request, c *call) error {
	entries, err := s.findEntries(r, c, maxLinked)
	if err != nil {
		return err
	}
	until, err := s.linkEnd(c.Params)
	if err != nil {
		return err
	}
	w.Header().Set(api.HeaderExpiresAt, rfc3339(until))
	e := entries[0]
	if len(entries) > 1 || e.Kind == store.Folder {
		return writeText(w, s.baseURL(r)+"/file/zip?"+s.Downloads.LinkArchive(c.User, idsOf(entries, func(e store.Entry) store.EntryID { return e.ID }), until))
	}
	url, err := s.Downloads.StoreLink(r.Context(), e, asAttachment(e.Name).Presentation, until)
	if err != nil {
		return err
	}
	if url == "" {
		url = s.baseURL(r) + "/file/download?" + s.Downloads.Link(c.User, e, until)
	}
	return writeText(w, url)
}

// linkEnd reads until when a link shall be good: for lifetime seconds from now, or as long as is usual.
func (s *Server) linkEnd(p params) (time.Time, error) {
	if p.get("lifetime") == "" {
		return s.Downloads.DefaultLinkEnd(), nil
	}
	seconds, err := p.integer("lifetime", 0)
	if err != nil {
		return time.Time{}, err
	}
	seconds = max(0, min(seconds, math.MaxInt32)) // what is out of bounds stays so, and it fits into a Duration
	return s.Downloads.LinkEnd(time.Duration(seconds) * time.Second)
}

// lastModified returns the client's time of a file if it named one, else the time of the upload. An answer must not name
// a time after its own (RFC 9110, 8.8.2.1): for such a file it is the last change of its entry, which stays the same from
// answer to answer, so that conditions on it hold.
func lastModified(e store.Entry, now time.Time) time.Time {
	t := e.Modified
	if t.IsZero() {
		t = e.Created
	}
	if t.After(now) {
		t = e.Updated
	}
	if t.After(now) { // the clock was set back
		return now
	}
	return t
}
