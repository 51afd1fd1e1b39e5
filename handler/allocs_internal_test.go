package handler

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"

	"github.com/blinkdrive/blinkdrive/handler/api"
)

// maxChunkAllocs is how many allocations a chunk may cost the process from its request to its answer, its share of the hash
// follower included. Their number depends neither on the machine nor on the chunk's size.
const maxChunkAllocs = 260

// TestChunkAllocs is not parallel: it counts the allocations of the whole process.
func TestChunkAllocs(t *testing.T) {
	d := newDrive(t, func(s *Server) { s.Log = slog.New(slog.DiscardHandler) })
	ann := d.join("ann")
	for _, size := range []int{256 << 10, 1 << 20} {
		const runs = 20
		requests := d.chunkRequests(ann, runs+1, size) // AllocsPerRun runs it once more, to warm up
		handler := d.Handler()
		n := testing.AllocsPerRun(runs, func() {
			w := httptest.ResponseRecorder{}
			handler.ServeHTTP(&w, requests[0])
			if requests = requests[1:]; w.Code != http.StatusOK {
				t.Fatal(w.Code)
			}
		})
		t.Logf("%.0f allocations for a chunk of %d bytes", n, size)
		if n > maxChunkAllocs {
			t.Errorf("%.0f allocations for a chunk of %d bytes, more than %d", n, size, maxChunkAllocs)
		}
	}
}

// chunkRequests starts an upload and returns the requests for its chunks.
func (d *drive) chunkRequests(p person, chunks, size int) []*http.Request {
	d.t.Helper()
	var in api.Init
	d.post("/file/mpupload/init", values("filesize", strconv.Itoa(chunks*size), "chunksize", strconv.Itoa(size), "filename", "a"),
		p.bearer()).want(d.t, 200, api.OK, &in)
	body := make([]byte, size)
	list := make([]*http.Request, chunks)
	for i := range list {
		url := fmt.Sprintf("/file/mpupload/uppart?uploadid=%s&index=%d", in.UploadID, i+1)
		list[i] = httptest.NewRequest(http.MethodPost, url, bytes.NewReader(body))
		p.bearer()(list[i])
	}
	return list
}
