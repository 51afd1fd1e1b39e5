package handler

import (
	"errors"
	"net/http"
	"time"

	"github.com/blinkdrive/blinkdrive/handler/api"
	"github.com/blinkdrive/blinkdrive/store"
)

// fromNode reports whether a request comes from a process of this drive and is meant for this node. What a user can show
// counts for nothing here.
func (s *Server) fromNode(r *http.Request) bool {
	node := s.Downloads.Node()
	if len(s.Secret) == 0 || node == "" {
		return false
	}
	signed := api.NodeRequest{Method: r.Method, Path: r.URL.Path, Query: r.URL.RawQuery, Node: string(node)}
	return api.NewNodeKey(s.Secret).Verify(r.Header.Get("Authorization"), signed, s.now())
}

// nodeBlob serves a blob on this node's disk to another process of the drive.
func (s *Server) nodeBlob(w http.ResponseWriter, r *http.Request, c *call) error {
	name, err := store.ParseBlobName(c.Params.get("name"))
	if err != nil {
		return invalid("parameter name must be a blob name")
	}
	answer := func(found bool, size int64) {
		proof := api.NewNodeKey(s.Secret).Answer(r.Header.Get("Authorization"), found, size)
		w.Header().Set(api.HeaderNodeAnswer, proof)
	}
	blob, err := s.Downloads.LocalBlob(r.Context(), name)
	if errors.Is(err, store.ErrNotFound) {
		answer(false, 0)
		return writeCode(w, api.NotFound, api.NotFound.Status(), "blob not found on this node", nil)
	} else if err != nil {
		return err
	}
	defer blob.Close()
	answer(true, blob.Size())
	h := w.Header()
	h.Set("Content-Type", "application/octet-stream")
	h.Set("Cache-Control", "no-store")
	out := w.(*response)
	http.ServeContent(out, r, "", time.Time{}, blob)
	s.Downloads.ServedNode(out.bytes)
	return nil
}
