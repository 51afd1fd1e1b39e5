package handler

import (
	"net/http"

	"github.com/blinkdrive/blinkdrive/handler/api"
	"github.com/blinkdrive/blinkdrive/service"
	"github.com/blinkdrive/blinkdrive/store"
)

func (s *Server) fileCopy(w http.ResponseWriter, r *http.Request, c *call) error {
	ref, err := c.Params.ref()
	if err != nil {
		return err
	}
	req, err := parseCopy(c.Params)
	if err != nil {
		return err
	}
	item, n, err := s.Files.Copy(r.Context(), c.User.ID, ref, req)
	if err != nil {
		return err
	}
	return writeOK(w, api.Copied{Meta: metaOf(item), Entries: n})
}

func parseCopy(p params) (req service.CopyRequest, err error) {
	req.Name = p.get("filename")
	if req.Clash, err = p.clash(); err != nil || p.get("path") == "" {
		return req, err
	}
	folder, err := service.CleanPath(p.get("path"))
	req.Folder = &folder
	return req, err
}

func (s *Server) fileSearch(w http.ResponseWriter, r *http.Request, c *call) error {
	q, err := parseSearch(c.Params)
	if err != nil {
		return err
	}
	items, next, err := s.Files.Search(r.Context(), c.User.ID, q)
	if err != nil {
		return err
	}
	return writeEntries(w, c.User, items, next)
}

func parseSearch(p params) (q service.SearchQuery, err error) {
	limit, err := p.integer("limit", service.DefaultPage)
	if err != nil {
		return q, err
	}
	if limit < 1 {
		return q, invalid("parameter limit must be at least 1")
	}
	text, err := p.need("query")
	if err != nil {
		return q, err
	}
	folder, err := service.CleanPath(p.get("path"))
	return service.SearchQuery{Text: text, Folder: folder, Sort: store.Sort(p.get("sort")), Order: service.Order(p.get("order")),
		Cursor: p.get("cursor"), Limit: int(min(limit, service.MaxPage))}, err
}
