//go:build linux

package main_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/blinkdrive/blinkdrive/handler/api"
	"github.com/blinkdrive/blinkdrive/handler/client"
)

// A slowProof is a transport on which the proof of possession comes late: when half of the file has been sent.
type slowProof struct {
	next http.RoundTripper
	gate *gate
}

func (s *slowProof) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Path != "/file/fastupload" {
		return s.next.RoundTrip(r)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	r = r.Clone(r.Context())
	r.Body = io.NopCloser(bytes.NewReader(body))
	if !strings.Contains(string(body), "proof=") {
		return s.next.RoundTrip(r)
	}
	<-s.gate.reached
	resp, err := s.next.RoundTrip(r)
	s.gate.open <- struct{}{}
	return resp, err
}

// testLateHit has the drive say that it holds the content when the client has begun to send it.
func testLateHit(t *testing.T, bin string) {
	w := newWorld(t, bin)
	p := pattern{40, 32 * mib}
	target := client.UploadOptions{Target: client.Target{Name: "a"}, ChunkSize: mib}
	if _, err := w.user("alice").Upload(t.Context(), p, p.size, target); err != nil {
		t.Fatal(err)
	}
	g := newGate(p, p.size/2)
	o := patient
	o.HTTP = &http.Client{Transport: &slowProof{http.DefaultTransport.(*http.Transport).Clone(), g}}
	bob := w.userWith("bob", w.drive.URL, o)
	target.Progress, target.Parallel = g.watch, 1 // nobody overtakes the one that waits
	res, err := bob.Upload(t.Context(), g, p.size, target)
	if err != nil || !res.Instant || res.BytesSent < p.size/2 || res.BytesSaved == 0 || res.BytesSent+res.BytesSaved != p.size {
		t.Errorf("%+v, %v", res, err)
	}
	if left, err := bob.Uploads(t.Context()); err != nil || len(left) > 0 {
		t.Errorf("left behind: %+v, %v", left, err)
	}
	w.wantFiles(bob, 1, p.size)
	w.fsck()
}

// testOnlyTheDigest tries to get a file of which nothing but the digest and the size is known, and uploads under false
// digests.
func testOnlyTheDigest(t *testing.T, bin string) {
	w := newWorld(t, bin)
	p := pattern{41, 3 * mib}
	target := client.Target{Name: "a"}
	if _, err := w.user("alice").Upload(t.Context(), p, p.size, client.UploadOptions{Target: target}); err != nil {
		t.Fatal(err)
	}
	mallory := w.user("mallory")
	for _, size := range []int64{p.size, p.size + 1, p.size - 1, 1, 0} {
		r := client.InstantRequest{Target: target, Digest: p.digest(t), Size: size}
		if _, ok, err := mallory.Instant(t.Context(), r, bytes.NewReader(make([]byte, size))); ok || err != nil {
			t.Errorf("instant with a false proof for %d bytes: %v, %v", size, ok, err)
		}
	}
	in, err := mallory.Init(t.Context(), client.InitRequest{Target: target, Digest: p.digest(t), Size: p.size})
	if err != nil || len(in.ChunkExists) > 0 {
		t.Fatalf("init: %+v, %v", in, err)
	}
	zeros := bytes.NewReader(make([]byte, p.size))
	if err := mallory.PutChunk(t.Context(), in.UploadID, 1, zeros, 0, p.size, ""); err != nil {
		t.Fatal(err)
	}
	_, err = mallory.Complete(t.Context(), client.CompleteRequest{UploadID: in.UploadID, Digest: p.digest(t), Size: p.size})
	wantCode(t, "other bytes under the digest", err, api.DigestMismatch)
	if err := mallory.Cancel(t.Context(), in.UploadID); err != nil {
		t.Error(err)
	}
	w.wantFiles(mallory, 0, 0)
	w.fsck()
}

// testTwinsAtOnce has one user bring the same bytes under many names at the same moment, as whoever drops a folder with
// copies does. The drive has one upload for all of them, and yet each must be there in the end.
func testTwinsAtOnce(t *testing.T, bin string) {
	w := newWorld(t, bin)
	c := w.user("alice")
	p := pattern{60, 2*mib + 1}
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			target := client.Target{Name: fmt.Sprint("twin", i%2, ".bin"), Path: fmt.Sprint("/", i/2)}
			if _, err := c.Upload(t.Context(), p, p.size, client.UploadOptions{Target: target, NoInstant: i%3 == 0}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	w.wantFiles(c, 8, 8*p.size)
	w.fsck()
}
