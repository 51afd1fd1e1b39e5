package handler

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/blinkdrive/blinkdrive/handler/api"
	"github.com/blinkdrive/blinkdrive/service"
)

// codes is the one table of what code a failure has on the wire. Invalid has another on upload endpoints.
var codes = map[service.Kind]api.Code{
	service.Internal:        api.ServerError,
	service.Invalid:         api.InvalidParam,
	service.Unauthenticated: api.TokenInvalid,
	service.SigninFailed:    api.SigninFailed,
	service.SignupFailed:    api.SignupFailed,
	service.Forbidden:       api.Forbidden,
	service.NotFound:        api.NotFound,
	service.NoSuchUser:      api.NoSuchUser,
	service.Conflict:        api.Conflict,
	service.NameTaken:       api.NameTaken,
	service.InTheWay:        api.InTheWay,
	service.AlreadyHave:     api.AlreadyHave,
	service.Incomplete:      api.ChunksMissing,
	service.TooLarge:        api.TooLarge,
	service.DigestMismatch:  api.DigestMismatch,
	service.Collision:       api.Collision,
	service.Busy:            api.Busy,
	service.TooMany:         api.TooMany,
	service.Unavailable:     api.Unavailable,
	service.NoSpace:         api.NoSpace,
	service.QuotaExceeded:   api.QuotaExceeded,
	service.Damaged:         api.Damaged,
	service.NoThumbnail:     api.NoThumbnail,
	service.BadPicture:      api.BadPicture,
	service.CutOff:          api.CutOff,
}

// retries says after how long it may be worth to try again, where the error does not say.
var retries = map[service.Kind]time.Duration{
	service.Busy:        time.Second,
	service.TooMany:     10 * time.Second,
	service.Unavailable: 5 * time.Second,
}

func invalid(format string, args ...any) error {
	return &service.Error{Kind: service.Invalid, Msg: fmt.Sprintf(format, args...)}
}

// fail is the one sink of errors: it logs the cause and answers what the client may know.
func (s *Server) fail(w *response, r *http.Request, c *call, err error) {
	s.logFailure(w, r, c, err)
	if w.status != 0 {
		// The answer is under way and has a length: breaking the connection is all that can still tell the client.
		panic(http.ErrAbortHandler)
	}
	dropHeaders(w.Header())
	e, known := errors.AsType[*service.Error](err)
	switch {
	case known:
	case gone(r, err): // only the log will see it
		e = &service.Error{Kind: service.CutOff, Msg: "the client disconnected"}
	case service.KindOf(err) == service.Unavailable:
		e = &service.Error{Kind: service.Unavailable, Msg: "temporarily unavailable; try again later"}
	default:
		e = &service.Error{Kind: service.Internal, Msg: "internal error; it was logged with the request ID"}
	}
	code := codes[e.Kind]
	if e.Kind == service.Invalid && c.Route.upload {
		code = api.InvalidUpload
	}
	if wait := max(e.Retry, retries[e.Kind]); wait > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds()))))
	}
	_ = writeCode(w, code, code.Status(), e.Msg, failureData(e))
}

// failureData names what stands in the way: chunks, an upload or a file.
func failureData(e *service.Error) any {
	switch {
	case e.Kind == service.Incomplete:
		return api.Missing{Missing: append([]int{}, e.Chunks...)}
	case e.Held != nil:
		return api.Held{ID: string(e.Held.ID), Path: e.Held.Path.String()}
	case e.Upload != "":
		return api.Other{UploadID: string(e.Upload)}
	case e.Kind == service.DigestMismatch && e.Chunks != nil:
		return api.Bad{Bad: e.Chunks}
	}
	return nil
}

// dropHeaders takes back what a handler said of the answer that it then could not give.
func dropHeaders(h http.Header) {
	for _, name := range []string{"Content-Length", "Content-Range", "Content-Disposition", "Content-Encoding",
		"Repr-Digest", "Etag", api.HeaderExpiresAt, "Last-Modified", "Cache-Control", "Accept-Ranges"} {
		h.Del(name)
	}
}

// gone reports whether a request failed because the client disconnected.
func gone(r *http.Request, err error) bool {
	return r.Context().Err() != nil && errors.Is(err, context.Canceled)
}

// logFailure keeps faults of the machine as errors, and the cause of others for whoever looks closer.
func (s *Server) logFailure(w *response, r *http.Request, c *call, err error) {
	level := slog.LevelDebug
	switch kind := service.KindOf(err); {
	case gone(r, err):
	case kind == service.Internal:
		level = slog.LevelError
	case kind == service.Unavailable || kind == service.Damaged || kind == service.Collision || kind == service.NoSpace:
		level = slog.LevelWarn
	}
	s.log().Log(r.Context(), level, "request failed", "request_id", c.ID, "path", r.URL.Path,
		"started", w.status != 0, "err", err)
}
