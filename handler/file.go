package handler

import (
	"net/http"
	"time"

	"github.com/blinkdrive/blinkdrive/handler/api"
	"github.com/blinkdrive/blinkdrive/service"
	"github.com/blinkdrive/blinkdrive/store"
)

func (s *Server) fileMeta(w http.ResponseWriter, r *http.Request, c *call) error {
	item, err := s.findMeant(r, c)
	if err != nil {
		return err
	}
	m := metaOf(item)
	if m.Moving, err = s.Files.Moving(r.Context(), item.Entry); err != nil {
		return err
	}
	return writeBare(w, m)
}

// findMeant returns the entry that a request names, by its path where it names none otherwise.
func (s *Server) findMeant(r *http.Request, c *call) (service.Item, error) {
	if c.Params.get("path") == "" || c.Params.get("id") != "" || c.Params.get("filehash") != "" {
		ref, err := c.Params.ref()
		if err != nil {
			return service.Item{}, err
		}
		return s.Files.Find(r.Context(), c.User.ID, ref)
	}
	path, err := service.CleanPath(c.Params.get("path"))
	if err != nil {
		return service.Item{}, err
	}
	return s.Files.FindPath(r.Context(), c.User.ID, path)
}

func (s *Server) fileQuery(w http.ResponseWriter, r *http.Request, c *call) error {
	q, err := parseList(c.Params)
	if err != nil {
		return err
	}
	return s.list(w, r, c, q)
}

func (s *Server) fileTrash(w http.ResponseWriter, r *http.Request, c *call) error {
	q, err := parseList(c.Params)
	if err != nil {
		return err
	}
	q.Trash = true
	if c.Params.has("id") {
		if q.TrashFolder, err = store.ParseEntryID(c.Params.get("id")); err != nil {
			return invalid("parameter id is malformed")
		}
	}
	return s.list(w, r, c, q)
}

func (s *Server) list(w http.ResponseWriter, r *http.Request, c *call, q service.ListQuery) error {
	items, next, err := s.Files.List(r.Context(), c.User.ID, q)
	if err != nil {
		return err
	}
	return writeEntries(w, c.User, items, next)
}

// writeEntries answers with a page of a list.
func writeEntries(w http.ResponseWriter, u store.User, items []service.Item, next string) error {
	if next != "" {
		w.Header().Set(api.HeaderNextCursor, next)
	}
	rows := make([]api.QueryEntry, len(items))
	for i, item := range items {
		rows[i] = queryEntry(u, item)
	}
	return writeBare(w, rows)
}

// The operations of /file/update.
const (
	opRename  = "0"
	opMove    = "1"
	opRestore = "2"
)

func (s *Server) fileUpdate(w http.ResponseWriter, r *http.Request, c *call) error {
	op := c.Params.get("op")
	if op != opRename && op != opMove && op != opRestore {
		return &service.Error{Kind: service.Forbidden, Msg: "parameter op must be 0 (rename), 1 (move) or 2 (restore)"}
	}
	ref, err := c.Params.ref()
	if err != nil {
		return err
	}
	change := service.Change{Name: c.Params.get("filename")}
	if change.Clash, err = c.Params.clash(); err != nil {
		return err
	}
	if change.Modified, err = c.Params.time("mtime"); err != nil {
		return err
	}
	item, err := s.update(r, c, op, ref, change)
	if err != nil {
		return err
	}
	return writeBare(w, metaOf(item))
}

func (s *Server) update(r *http.Request, c *call, op string, ref service.Ref, change service.Change) (service.Item, error) {
	switch op {
	case opRename:
		return s.Files.Rename(r.Context(), c.User.ID, ref, change)
	case opRestore:
		if !change.Modified.IsZero() {
			return service.Item{}, invalid("parameter mtime must not be given with op=2")
		}
		return s.Files.Restore(r.Context(), c.User.ID, ref)
	}
	path, err := c.Params.need("path")
	if err != nil {
		return service.Item{}, err
	}
	folder, err := service.CleanPath(path)
	if err != nil {
		return service.Item{}, err
	}
	return s.Files.Move(r.Context(), c.User.ID, ref, folder, change)
}

func (s *Server) fileDelete(w http.ResponseWriter, r *http.Request, c *call) error {
	ref, err := c.Params.ref("filehash", "filehhash")
	if err != nil {
		return err
	}
	if err := s.Files.Trash(r.Context(), c.User.ID, ref); err != nil {
		return err
	}
	return writeOK(w, nil)
}

func (s *Server) fileMkdir(w http.ResponseWriter, r *http.Request, c *call) error {
	path, err := c.Params.need("path")
	if err != nil {
		return err
	}
	folder, err := service.CleanPath(path)
	if err != nil {
		return err
	}
	item, err := s.Files.MakeFolder(r.Context(), c.User.ID, folder)
	if err != nil {
		return err
	}
	return writeOK(w, metaOf(item))
}

// filePurge empties the trash only where no entry is named at all: an empty id is a mistake, not a wish.
func (s *Server) filePurge(w http.ResponseWriter, r *http.Request, c *call) error {
	if !c.Params.has("id") && !c.Params.has("filehash") {
		n, err := s.Files.EmptyTrash(r.Context(), c.User.ID)
		if err != nil {
			return err
		}
		return writeOK(w, api.Purged{Purged: n})
	}
	ref, err := c.Params.ref()
	if err != nil {
		return err
	}
	if err := s.Files.Purge(r.Context(), c.User.ID, ref); err != nil {
		return err
	}
	return writeOK(w, api.Purged{Purged: 1})
}

// ref reads which entry is meant. hashes are the names that the digest may have, the first that is there counting.
func (p params) ref(hashes ...string) (ref service.Ref, err error) {
	if ref.Revision, err = p.integer("ifrevision", 0); err != nil {
		return ref, err
	}
	if id := p.get("id"); id != "" {
		if ref.ID, err = store.ParseEntryID(id); err != nil {
			return ref, invalid("parameter id must be the ID of a file or folder")
		}
	}
	for _, name := range append(hashes, "filehash") {
		if p.get(name) != "" {
			ref.Digest, err = p.digest(name)
			return ref, err
		}
	}
	if ref.IsZero() {
		return ref, invalid("parameter id or filehash is required")
	}
	return ref, nil
}

func parseList(p params) (q service.ListQuery, err error) {
	limit, err := p.integer("limit", service.DefaultPage)
	if err != nil {
		return q, err
	}
	if limit < 1 {
		return q, invalid("parameter limit must be at least 1")
	}
	q = service.ListQuery{Sort: store.Sort(p.get("sort")), Order: service.Order(p.get("order")),
		Cursor: p.get("cursor"), Limit: int(min(limit, service.MaxPage))}
	if p.get("path") == "" {
		return q, nil
	}
	folder, err := service.CleanPath(p.get("path"))
	if err != nil {
		return q, err
	}
	q.Folder = &folder
	return q, nil
}

// metaOf writes an entry as /file/meta and uploads show it.
func metaOf(e service.Item) api.Meta {
	return api.Meta{
		FileSha1: hashOf(e), FileName: e.Name, FileSize: e.Content.Sums.Size, Location: string(e.Content.Location.Kind),
		UploadAt: timestamp(e.Created), ID: string(e.ID), ParentID: string(e.Parent), Path: e.Path.String(),
		Kind: string(e.Kind), ModifiedAt: mtime(e.Modified), Revision: e.Revision,
	}
}

func queryEntry(u store.User, e service.Item) api.QueryEntry {
	return api.QueryEntry{
		UserName: u.Name, FileHash: hashOf(e), FileName: e.Name, FileSize: e.Content.Sums.Size + e.TrashSize,
		UploadAt: timestamp(e.Created), LastUpdated: timestamp(e.Updated), ID: string(e.ID), ParentID: string(e.Parent),
		Path: e.Path.String(), Kind: string(e.Kind), ModifiedAt: mtime(e.Modified), Revision: e.Revision,
		DeletedAt: rfc3339(e.Deleted), ExpiresAt: rfc3339(e.Expires),
	}
}

// hashOf returns a file's digest, and nothing for a folder.
func hashOf(e service.Item) string {
	if e.Kind != store.File {
		return ""
	}
	return e.Content.Sums.Digest.String()
}

// mtime writes a modification time with the fraction of a second that was stored, if there is one: a program that compares
// times would otherwise send the file again.
func mtime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}

func rfc3339(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}
