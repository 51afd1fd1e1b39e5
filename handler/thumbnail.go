package handler

import (
	"fmt"
	"net/http"
	"strconv"

	"github.com/blinkdrive/blinkdrive/service"
)

// thumbnailVersion is part of the tag: it changes when the same file would give another thumbnail.
const thumbnailVersion = 1

// thumbnail answers a small picture of a picture. It can never change, so the browser keeps it, and the server does not.
func (s *Server) thumbnail(w http.ResponseWriter, r *http.Request, c *call) error {
	ref, err := c.Params.ref()
	if err != nil {
		return err
	}
	size, err := thumbnailSize(c.Params)
	if err != nil {
		return err
	}
	e, err := s.Downloads.Find(r.Context(), c.User.ID, ref)
	if err != nil {
		return err
	}
	tag := fmt.Sprintf(`"%s-%d-%d"`, e.Content.Sums.Digest, size, thumbnailVersion)
	h := w.Header()
	keep := func() {
		h.Set("Etag", tag)
		h.Set("Cache-Control", "private, max-age=31536000, immutable")
	}
	if knows(r, tag) {
		keep()
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	small, err := s.Downloads.Thumbnail(r.Context(), e, size)
	if err != nil {
		return err
	}
	keep()
	if knowsAny(r) {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	h.Set("Content-Length", strconv.Itoa(len(small.Bytes)))
	return write(w, http.StatusOK, small.MediaType, small.Bytes)
}

// thumbnailSize is the smallest of the sizes that is no less than the one asked for, so that there are few to keep.
func thumbnailSize(p params) (int, error) {
	want, err := p.integer("size", 256)
	if err != nil {
		return 0, err
	}
	for _, size := range service.ThumbnailSizes() {
		if want >= 1 && want <= int64(size) {
			return size, nil
		}
	}
	return 0, invalid("parameter size must be between 1 and 512")
}
