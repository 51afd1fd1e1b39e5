package handler

import (
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/blinkdrive/blinkdrive/service"
	"github.com/blinkdrive/blinkdrive/store"
)

const (
	maxZipped = 1000 // entries that one request may name
	maxLinked = 100  // that a link may name: it must stay as short as a URL may be
)

// zip serves an archive of the caller's entries, or of those that a signed link names, or one range of it. Several ranges
// are answered with the whole, as a server may (RFC 9110, section 14.2). If a file cannot be read midway, the connection
// breaks.
func (s *Server) zip(w http.ResponseWriter, r *http.Request, c *call) error {
	a, err := s.findArchive(r, c)
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "application/zip")
	h.Set("Etag", a.ETag)
	h.Set("Content-Disposition", contentDisposition(a.Name))
	h.Set("Content-Security-Policy", "sandbox")
	h.Set("Cache-Control", "private, no-store")
	ranges := r.Header.Get("Range")
	if r.Method == http.MethodPost || strings.Contains(ranges, ",") {
		ranges = ""
	}
	r.Header.Set("Range", usableRanges(ranges, a.Size))
	in := s.Downloads.OpenArchive(r.Context(), a)
	defer in.Close()
	out := &archiveWriter{rangeWriter: rangeWriter{response: w.(*response), size: a.Size}, in: in, head: r.Method == http.MethodHead}
	out.timeout = s.stallTimeout()
	http.ServeContent(out, r, "", time.Time{}, in)
	if out.refused {
		return badRange(w, "the requested range is outside the zip")
	}
	s.served(r, c, out.response)
	return in.Err()
}

// An archiveWriter lets http.ServeContent send the header only after the archive could be opened at the first byte that is
// wanted. Otherwise nothing is sent, and the error is for the client.
type archiveWriter struct {
	rangeWriter
	in     *service.ArchiveReader
	head   bool // nothing will be read
	failed bool
}

func (w *archiveWriter) WriteHeader(status int) {
	if !w.head && (status == http.StatusOK || status == http.StatusPartialContent) {
		n, err := strconv.ParseInt(w.Header().Get("Content-Length"), 10, 64)
		if w.failed = err != nil || w.in.Begin(n) != nil; w.failed {
			return
		}
	}
	w.rangeWriter.WriteHeader(status)
}

var errNotBegun = errors.New("the archive could not be opened")

func (w *archiveWriter) Write(p []byte) (int, error) {
	if w.failed {
		return 0, errNotBegun
	}
	return w.rangeWriter.Write(p)
}

func (w *archiveWriter) ReadFrom(src io.Reader) (int64, error) {
	if w.failed {
		return 0, errNotBegun
	}
	return w.response.ReadFrom(src)
}

// findArchive takes a link's signature as the credential where there is one.
func (s *Server) findArchive(r *http.Request, c *call) (*service.Archive, error) {
	if c.Params.get("sig") != "" {
		user, ids, err := s.Downloads.FindArchiveLink(r.Context(), r.URL.RawQuery)
		if err != nil {
			return nil, err
		}
		return s.Downloads.Archive(r.Context(), user, ids, "")
	}
	if c.authErr != nil {
		return nil, c.authErr
	}
	name := c.Params.get("filename")
	if name != "" {
		var err error
		if name, err = service.CleanName(name); err != nil {
			return nil, err
		}
	}
	refs, err := c.Params.refs(maxZipped)
	if err != nil {
		return nil, err
	}
	if len(refs) > 1 { // whose they are, Archive sees
		return s.Downloads.Archive(r.Context(), c.User.ID, idsOf(refs, func(ref service.Ref) store.EntryID { return ref.ID }), name)
	}
	item, err := s.Files.Find(r.Context(), c.User.ID, refs[0])
	if err != nil {
		return nil, err
	}
	return s.Downloads.Archive(r.Context(), c.User.ID, []store.EntryID{item.ID}, name)
}

// findEntries returns the entries of the caller that a request names: at least one, and each once.
func (s *Server) findEntries(r *http.Request, c *call, most int) ([]store.Entry, error) {
	refs, err := c.Params.refs(most)
	if err != nil {
		return nil, err
	}
	entries := make([]store.Entry, len(refs))
	for i, ref := range refs {
		item, err := s.Files.Find(r.Context(), c.User.ID, ref)
		if err != nil {
			return nil, err
		}
		entries[i] = item.Entry
	}
	return entries, nil
}

// refs reads which entries are meant: several IDs, separated by commas, or one entry as ref reads it.
func (p params) refs(most int) ([]service.Ref, error) {
	if !strings.Contains(p.get("id"), ",") {
		ref, err := p.ref()
		return []service.Ref{ref}, err
	}
	var refs []service.Ref
	seen := map[store.EntryID]bool{}
	for text := range strings.SplitSeq(p.get("id"), ",") {
		id, err := store.ParseEntryID(text)
		if err != nil {
			return nil, invalid("parameter id must be IDs of files or folders, separated by commas")
		}
		if seen[id] {
			continue
		}
		seen[id] = true
		if refs = append(refs, service.Ref{ID: id}); len(refs) > most {
			return nil, &service.Error{Kind: service.TooLarge, Msg: "parameter id must not have more than " + strconv.Itoa(most) + " entries"}
		}
	}
	return refs, nil
}

func idsOf[T any](list []T, id func(T) store.EntryID) []store.EntryID {
	ids := make([]store.EntryID, len(list))
	for i, v := range list {
		ids[i] = id(v)
	}
	return ids
}
