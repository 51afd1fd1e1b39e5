package handler

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"net/http"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/blinkdrive/blinkdrive/handler/api"
	"github.com/blinkdrive/blinkdrive/store"
)

// writeOK answers with code 0 and, unless it is nil, data.
func writeOK(w http.ResponseWriter, data any) error {
	return writeCode(w, api.OK, http.StatusOK, "OK", data)
}

// writeCode answers with the envelope.
func writeCode(w http.ResponseWriter, code api.Code, status int, msg string, data any) error {
	return writeJSON(w, status, envelope{Code: code, Msg: msg, Data: data})
}

// An envelope is an api.Envelope whose data is written in one go with it.
type envelope struct {
	Code api.Code `json:"code"`
	Msg  string   `json:"msg"`
	Data any      `json:"data,omitempty"`
}

// writeBare answers with v alone, as old clients expect it from meta, query and update.
func writeBare(w http.ResponseWriter, v any) error { return writeJSON(w, http.StatusOK, v) }

func writeJSON(w http.ResponseWriter, status int, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode the response: %w", err)
	}
	return write(w, status, "application/json; charset=utf-8", append(body, '\n'))
}

// writeText answers with plain text.
func writeText(w http.ResponseWriter, text string) error {
	return write(w, http.StatusOK, "text/plain; charset=utf-8", []byte(text))
}

// write sends an answer that nobody may keep. That it could not be sent is the client's affair, and no error.
func write(w http.ResponseWriter, status int, kind string, body []byte) error {
	w.Header().Set("Content-Type", kind)
	if w.Header().Get("Cache-Control") == "" {
		w.Header().Set("Cache-Control", "no-store")
	}
	// A client must see the end of a refusal while the server still drains the request's body.
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body)
	return nil
}

// A response counts what is answered, and gives each piece of it time to leave. It keeps sendfile working.
type response struct {
	http.ResponseWriter
	renew    func()        // sets the deadline for the next piece, which is over after timeout
	timeout  time.Duration // for one piece
	refusing func()        // called before the header of a refusal is written; may be nil
	status   int           // 0 until the header was written
	bytes    int64
	sendErr  error // the first write to the client that failed
	readErr  error // what ended ReadFrom otherwise
}

const (
	// piece is how many bytes must leave within one write timeout.
	piece = 256 << 10
	// copySize is the size of the buffer that a download needs if it is not a file.
	copySize = 64 << 10
)

// Unwrap is for http.ResponseController.
func (w *response) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *response) WriteHeader(status int) {
	if w.status == 0 && status >= 200 {
		w.status = status
		if status >= http.StatusBadRequest && w.refusing != nil {
			w.refusing()
		}
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *response) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	total := 0
	for {
		w.renew()
		n, err := w.ResponseWriter.Write(p[:min(len(p), piece)])
		if err != nil && w.sendErr == nil {
			w.sendErr = err
		}
		total += n
		w.bytes += int64(n)
		p = p[n:]
		if err != nil || len(p) == 0 {
			return total, err
		}
	}
}

// ReadFrom copies src piece by piece. A file, limited or not, is passed to net/http as it is, so that the kernel copies it
// (sendfile).
func (w *response) ReadFrom(src io.Reader) (int64, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	part := &io.LimitedReader{R: src}
	left := int64(math.MaxInt64)
	limit, limited := src.(*io.LimitedReader)
	if limited {
		part.R, left = limit.R, limit.N
	}
	if _, file := part.R.(syscall.Conn); !file {
		return w.stream(src)
	}
	var total int64
	for {
		w.renew()
		want := min(piece, left-total)
		part.N = want
		n, err := io.Copy(w.ResponseWriter, part)
		total += n
		w.bytes += n
		if limited {
			limit.N -= n
		}
		w.noteCopy(err)
		if err != nil || n < want || total >= left {
			return total, err
		}
	}
}

var copyBuffers = sync.Pool{New: func() any { return new([copySize]byte) }}

// stream copies what is not a file, and tells a blob of an object store how much of it will be read.
func (w *response) stream(src io.Reader) (int64, error) {
	if limit, ok := src.(*io.LimitedReader); ok {
		if blob, ok := limit.R.(store.RemoteBlob); ok {
			blob.Expect(limit.N)
		}
	}
	buf := copyBuffers.Get().(*[copySize]byte)
	defer copyBuffers.Put(buf)
	n, err := io.CopyBuffer(struct{ io.Writer }{w}, src, buf[:])
	if w.sendErr == nil {
		w.readErr = err
	}
	return n, err
}

// noteCopy keeps the error of a copy by the kernel, which tells only by the kind of error on which side it was.
func (w *response) noteCopy(err error) {
	_, inFile := errors.AsType[*fs.PathError](err)
	switch {
	case err == nil || w.sendErr != nil:
	case inFile || errors.Is(err, syscall.EIO):
		w.readErr = err
	default:
		w.sendErr = err
	}
}
