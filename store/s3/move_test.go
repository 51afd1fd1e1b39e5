package s3_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/blinkdrive/blinkdrive/store"
	"github.com/blinkdrive/blinkdrive/store/s3"
)

// moved is what became of a MoveTo: what its client got, and what it said itself.
type moved struct {
	got    []byte
	cut    bool // the client knows that this is not all
	n      int64
	failed error
}

// move has the next n bytes of a blob moved to a client, who reads them with read.
func (r *rig) move(f store.RemoteBlob, n int64, read func(io.Reader) ([]byte, error)) (m moved) {
	r.Helper()
	return r.moveWithin(0, f, n, read)
}

// moveWithin is move to a client who must take each piece within a deadline, where that is not 0.
func (r *rig) moveWithin(deadline time.Duration, f store.RemoteBlob, n int64, read func(io.Reader) ([]byte, error)) (m moved) {
	r.Helper()
	done := make(chan struct{})
	ts := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		defer close(done)
		w.Header().Set("Content-Length", strconv.FormatInt(n, 10))
		w.Header().Set("Content-Type", "application/octet-stream")
		if deadline > 0 {
			w = &renewing{w, deadline}
		}
		m.n, m.failed = f.MoveTo(w.(io.ReaderFrom), n)
	}))
	defer ts.Close()
	resp, err := http.Get(ts.URL)
	r.ok(err)
	m.got, err = read(resp.Body)
	m.cut = errors.Is(err, io.ErrUnexpectedEOF)
	resp.Body.Close()
	<-done
	return m
}

// telling tells when a move is over.
type telling struct {
	store.RemoteBlob
	over chan struct{}
}

func (t telling) MoveTo(w io.ReaderFrom, n int64) (int64, error) {
	defer close(t.over)
	return t.RemoteBlob.MoveTo(w, n)
}

// renewing gives each piece its deadline, as the drive's answers do.
type renewing struct {
	http.ResponseWriter
	deadline time.Duration
}

func (w *renewing) ReadFrom(src io.Reader) (int64, error) {
	if err := http.NewResponseController(w.ResponseWriter).SetWriteDeadline(time.Now().Add(w.deadline)); err != nil {
		return 0, err
	}
	return io.Copy(w.ResponseWriter, src)
}

func movable(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("nothing is moved elsewhere")
	}
}

// alone tells of each GET so far whether it was the only request on its connection.
func (r *rig) alone() (all []bool) {
	for _, s := range r.of(opGet) {
		all = append(all, s.last)
	}
	return all
}

func TestMoveToAClient(t *testing.T) {
	t.Parallel()
	movable(t)
	const size = 5<<20 + 3
	for what, tt := range map[string]struct {
		at, n  int64
		faults []fault
		want   []string
	}{
		"whole":           {n: size, want: []string{""}},
		"range":           {at: 77, n: 2 << 20, want: []string{"bytes=77-2097228"}},
		"more than there": {at: 1 << 20, n: size, want: []string{"bytes=1048576-5242882"}},
		"refused":         {n: size, faults: []fault{answer(503, "SlowDown"), lose}, want: []string{"", "", ""}},
		"cut":             {n: size, faults: []fault{cutAnswer(2_000_000)}, want: []string{"", "bytes=2000000-5242882"}},
		"cut and cut": {n: size, faults: []fault{cutAnswer(2_000_000), cutAnswer(0), cutAnswer(1)}, want: []string{
			"", "bytes=2000000-5242882", "bytes=2000000-5242882", "bytes=2000001-5242882"}},
		"less than asked for": {at: 77, n: 3 << 20, faults: []fault{shortRange(1 << 20), shortRange(1 << 20)}, want: []string{
			"bytes=77-3145804", "bytes=1048653-3145804", "bytes=2097229-3145804"}},
		"stalled": {n: size, faults: []fault{stallAnswer(1_000_000)}, want: []string{"", "bytes=1000000-5242882"}},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, size, impatient)
			f := r.open().(store.RemoteBlob)
			r.next(opGet, tt.faults...)
			_, err := f.Seek(tt.at, io.SeekStart)
			r.ok(err)
			f.Expect(tt.n)
			n := min(tt.n, size-tt.at)
			m := r.move(f, n, io.ReadAll)
			if m.failed != nil || m.n != n || m.cut || !bytes.Equal(m.got, r.p[tt.at:tt.at+n]) {
				t.Errorf("moved %d, %v; %d bytes came, cut: %v", m.n, m.failed, len(m.got), m.cut)
			}
			for i, last := range r.alone() {
				if !last {
					t.Errorf("GET %d was on a connection for more", i)
				}
			}
			r.asked(tt.want...)
			rest, err := io.ReadAll(f) // and Read goes on behind that
			if err != nil || !bytes.Equal(rest, r.p[tt.at+n:]) {
				t.Errorf("%d bytes were left: %v", len(rest), err)
			}
		})
	}
}

// A client is never told of the end before it is there, whatever the store does.
func TestMoveThatFails(t *testing.T) {
	t.Parallel()
	movable(t)
	const size = 3 << 20
	for what, tt := range map[string]struct {
		first, then fault
		got         int
		want        error
	}{
		"gone":        {cutAnswer(500_000), cut(0), 500_000, store.ErrUnavailable},
		"cut":         {cutAnswer(500_000), cutAnswer(0), 500_000, store.ErrUnavailable},
		"refused":     {cutAnswer(500_000), answer(403, "AccessDenied"), 500_000, nil},
		"deleted":     {cutAnswer(500_000), answer(404, "NoSuchKey"), 500_000, store.ErrNotFound},
		"other bytes": {cutAnswer(500_000), withHeader("X-Amz-Meta-Sha256", "0000"), 500_000, store.ErrUnavailable},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, size)
			f := r.open().(store.RemoteBlob)
			r.all(opGet, tt.then)
			r.next(opGet, tt.first)
			f.Expect(size)
			m := r.move(f, size, io.ReadAll)
			if m.failed == nil || tt.want != nil && !errors.Is(m.failed, tt.want) || m.n != int64(tt.got) {
				t.Errorf("moved %d: %v, want %v", m.n, m.failed, tt.want)
			}
			if !m.cut || !bytes.Equal(m.got, r.p[:tt.got]) {
				t.Errorf("%d bytes came, cut: %v", len(m.got), m.cut)
			}
		})
	}
}

func TestMoveToAClientWhoLeaves(t *testing.T) {
	t.Parallel()
	movable(t)
	r := newRig(t, 24<<20) // more than the kernels take
	f := r.open().(store.RemoteBlob)
	f.Expect(24 << 20)
	m := r.move(f, 24<<20, func(body io.Reader) ([]byte, error) {
		defer body.(io.Closer).Close()
		return io.ReadAll(io.LimitReader(body, 1000))
	})
	if m.failed == nil || !bytes.Equal(m.got, r.p[:1000]) {
		t.Errorf("moved %d to nobody", m.n)
	}
}

// Whoever ends the context of the blob's Open ends a move.
func TestMoveThatIsEnded(t *testing.T) {
	t.Parallel()
	movable(t)
	r := newRig(t, 3<<20)
	r.ok(r.put())
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	blob, err := r.b.Open(ctx, r.name)
	r.ok(err)
	defer blob.Close()
	f := blob.(store.RemoteBlob)
	f.Expect(3 << 20)
	r.next(opGet, stallAnswer(100_000))
	m := r.move(f, 3<<20, func(body io.Reader) ([]byte, error) {
		first := make([]byte, 100_000)
		_, err := io.ReadFull(body, first)
		r.ok(err)
		cancel()
		rest, err := io.ReadAll(body)
		return append(first, rest...), err
	})
	if !errors.Is(m.failed, context.Canceled) || !m.cut || !bytes.Equal(m.got, r.p[:100_000]) {
		t.Errorf("moved %d, %v; %d bytes came, cut: %v", m.n, m.failed, len(m.got), m.cut)
	}
}

// What cannot be moved, or is not worth it, is left to Read, which makes use of connections that are there.
func TestWhatIsNotMoved(t *testing.T) {
	t.Parallel()
	for what, rig := range map[string]func(t *testing.T) (*rig, int64){
		"little": func(t *testing.T) (*rig, int64) { return newRig(t, 3<<20), 1<<20 - 1 },
		"behind a proxy": func(t *testing.T) (*rig, int64) {
			r := newRig(t, 3<<20, func(o *s3.Options) {
				by, err := url.Parse(o.Endpoint)
				if err != nil {
					t.Fatal(err)
				}
				o.Transport = func(tr *http.Transport) { tr.Proxy = http.ProxyURL(by) }
			})
			return r, 3 << 20
		},
		"on other connections": func(t *testing.T) (*rig, int64) {
			r := newRig(t, 3<<20, func(o *s3.Options) {
				o.Transport = func(tr *http.Transport) {
					tr.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
						c, err := (&net.Dialer{}).DialContext(ctx, network, addr)
						return struct{ net.Conn }{c}, err
					}
				}
			})
			return r, 3 << 20
		},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			r, n := rig(t)
			f := r.open().(store.RemoteBlob)
			f.Expect(n)
			var w bytes.Buffer
			if moved, err := f.MoveTo(&w, n); moved != 0 || err != nil {
				t.Errorf("moved %d, %v", moved, err)
			}
			if _, err := io.CopyN(&w, f, n); err != nil || !bytes.Equal(w.Bytes(), r.p[:n]) {
				t.Errorf("read %d, %v", w.Len(), err)
			}
		})
	}
	t.Run("over TLS", func(t *testing.T) {
		t.Parallel()
		r := &rig{T: t, proxy: &proxy{}, b: open(t, ceph(t, tlsURL))}
		o := newRig(t, 3<<20)
		r.p, r.sums, r.name = o.p, o.sums, o.name
		f := r.open().(store.RemoteBlob)
		var w bytes.Buffer
		if moved, err := f.MoveTo(&w, 3<<20); moved != 0 || err != nil {
			t.Errorf("moved %d, %v", moved, err)
		}
	})
}

// A store that says nothing at all is given up, directly asked too.
func TestMoveFromAStoreThatHangs(t *testing.T) {
	t.Parallel()
	movable(t)
	r := newRig(t, 2<<20, impatient)
	f := r.open().(store.RemoteBlob)
	r.all(opGet, stall(0))
	begun := time.Now()
	f.Expect(2 << 20)
	m := r.move(f, 2<<20, io.ReadAll)
	if !errors.Is(m.failed, store.ErrUnavailable) || !m.cut {
		t.Errorf("moved %d after %v: %v", m.n, time.Since(begun), m.failed)
	}
}

// A store that stalls is given up before the client's deadline ends, so that the client notices nothing.
func TestMoveFromAStoreThatStalls(t *testing.T) {
	t.Parallel()
	movable(t)
	const size = 3 << 20
	r := newRig(t, size, func(o *s3.Options) { o.Stall = time.Second })
	f := r.open().(store.RemoteBlob)
	r.next(opGet, stallAnswer(1_000_000))
	f.Expect(size)
	m := r.moveWithin(3*time.Second, f, size, io.ReadAll)
	if m.failed != nil || m.cut || !bytes.Equal(m.got, r.p) {
		t.Errorf("moved %d, %v; %d bytes came, cut: %v", m.n, m.failed, len(m.got), m.cut)
	}
}

// A client's own deadline is final, also where the store has been given up meanwhile.
func TestMoveToAClientWhoReadsNothing(t *testing.T) {
	t.Parallel()
	movable(t)
	const size = 24 << 20 // more than the kernels take
	r := newRig(t, size, func(o *s3.Options) { o.Stall = 200 * time.Millisecond })
	f := telling{r.open().(store.RemoteBlob), make(chan struct{})}
	f.Expect(size)
	m := r.moveWithin(600*time.Millisecond, f, size, func(body io.Reader) ([]byte, error) {
		<-f.over
		return io.ReadAll(body)
	})
	if !errors.Is(m.failed, os.ErrDeadlineExceeded) || !m.cut || !bytes.Equal(m.got, r.p[:len(m.got)]) {
		t.Errorf("moved %d, %v; %d bytes came, cut: %v", m.n, m.failed, len(m.got), m.cut)
	}
}
