package handler

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/blinkdrive/blinkdrive/handler/api"
	"github.com/blinkdrive/blinkdrive/service"
)

// putSilently sends the first half of a chunk on a connection of its own, and then nothing.
func (u *chunkUpload) putSilently(index int) net.Conn {
	u.t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(u.url, "http://"))
	if err != nil {
		u.t.Fatal(err)
	}
	u.t.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	chunk := u.chunk(index)
	_, err = fmt.Fprintf(conn, "POST /file/mpupload/uppart?uploadid=%s&index=%d HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n"+
		"Content-Length: %d\r\n\r\n%s", u.id, index, u.p.token, len(chunk), chunk[:len(chunk)/2])
	if err != nil {
		u.t.Fatal(err)
	}
	return conn
}

// A connection that went silent must not keep its chunk from the client's next connection, or another device. If it is
// alive after all, it is told.
func TestSilentConnectionLosesItsChunk(t *testing.T) {
	t.Parallel()
	for name, held := range map[string]bool{"missing chunk": false, "held chunk": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDrive(t, nil)
			p := d.join("alice")
			content, digest := newContent(5, 2*service.MinChunkSize)
			u := d.begin(p, content, "a.bin")
			if held {
				u.put(1, u.chunk(1)).want(t, 200, api.OK)
			}
			silent := u.putSilently(1)
			time.Sleep(100 * time.Millisecond) // the server has begun to read it
			u.p.token = d.signIn("alice")      // another device
			start := time.Now()
			u.put(1, u.chunk(1)).want(t, 200, api.OK)
			if took := time.Since(start); took > 5*time.Second {
				t.Errorf("the newer request waited for %v", took)
			}
			resp, err := http.ReadResponse(bufio.NewReader(silent), nil)
			if err != nil {
				t.Fatalf("the silent connection: %v", err)
			}
			defer resp.Body.Close()
			body, _ := io.ReadAll(resp.Body)
			if resp.StatusCode != http.StatusLocked || resp.Header.Get("Retry-After") == "" ||
				!strings.Contains(string(body), "another request is sending chunk 1") {
				t.Errorf("the silent connection: %s: %s", resp.Status, body)
			}
			u.put(2, u.chunk(2)).want(t, 200, api.OK)
			var m api.Meta
			u.complete().want(t, 200, api.OK, &m)
			if m.FileSha1 != digest {
				t.Errorf("stored %s, want %s", m.FileSha1, digest)
			}
		})
	}
}

// An interrupt that comes when the request is over must not hit the next one on its connection.
func TestLateInterrupt(t *testing.T) {
	t.Parallel()
	var last *patientBody
	ts := serve(t, &Server{}, raw, func(w http.ResponseWriter, r *http.Request, c *call) error {
		if last != nil {
			last.Interrupt()
		}
		last = r.Body.(*patientBody)
		n, err := io.Copy(io.Discard, r.Body)
		if err != nil {
			return err
		}
		return writeOK(w, n)
	})
	conn := dial(t, ts, "")
	br := bufio.NewReader(conn)
	for range 3 {
		if _, err := io.WriteString(conn, "POST /raw HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(20 * time.Millisecond)
		_, _ = io.WriteString(conn, "abc")
		resp, err := http.ReadResponse(br, nil)
		if err != nil || resp.StatusCode != 200 {
			t.Fatalf("%v, %v", resp, err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
	}
}
