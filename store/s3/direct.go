package s3

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"runtime"
)

// direct sends a GET over plain HTTP on a connection that is nobody else's, and gives that out with the answer, so that the kernel
// can move its body to a client's connection: net/http's own client hides its connections and reads ahead on them. It
// serves one request per connection and knows neither proxies nor TLS.
type direct struct {
	dial func(ctx context.Context, network, addr string) (net.Conn, error)
}

// newDirect makes a client that sends its requests directly. It is nil where that is of no use: no kernel but Linux moves bytes
// from connection to connection, nor may bytes be moved that are encrypted or that a proxy has to see.
func newDirect(c *http.Client, endpoint string) *http.Client {
	t, ok := c.Transport.(*http.Transport)
	r, err := http.NewRequest(http.MethodGet, endpoint, nil)
	if !ok || err != nil || runtime.GOOS != "linux" || r.URL.Scheme != "http" || t.DialContext == nil {
		return nil
	}
	if t.Proxy != nil {
		if proxy, err := t.Proxy(r); err != nil || proxy != nil {
			return nil
		}
	}
	return &http.Client{Transport: &direct{dial: t.DialContext}, CheckRedirect: c.CheckRedirect}
}

// RoundTrip implements http.RoundTripper.
func (d *direct) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil && r.Body != http.NoBody || r.Method != http.MethodGet {
		return nil, fmt.Errorf("%s is not asked directly", r.Method)
	}
	port := r.URL.Port()
	if port == "" {
		port = "80"
	}
	conn, err := d.dial(r.Context(), "tcp", net.JoinHostPort(r.URL.Hostname(), port))
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(r.Context(), func() { conn.Close() }) // whoever waits on it gets an error
	hangUp := func() error {
		stop()
		return conn.Close()
	}
	resp, err := ask(conn, r, hangUp)
	if err != nil {
		return nil, errors.Join(err, ignoreClosed(hangUp()))
	}
	return resp, nil
}

// ask sends a request and reads the answer up to its body, which hangs up when it is closed.
func ask(conn net.Conn, r *http.Request, hangUp func() error) (*http.Response, error) {
	last := r.Clone(r.Context())
	last.Close = true // the connection serves no other request
	to := bufio.NewWriter(conn)
	if err := errors.Join(last.Write(to), to.Flush()); err != nil {
		return nil, err
	}
	head := &io.LimitedReader{R: conn, N: maxError}
	from := bufio.NewReaderSize(head, 4<<10)
	resp, err := http.ReadResponse(from, r)
	for err == nil && resp.StatusCode < http.StatusOK { // an interim answer
		resp, err = http.ReadResponse(from, r)
	}
	if err != nil {
		return nil, err
	}
	head.N = math.MaxInt64
	if tcp, ok := conn.(*net.TCPConn); ok && resp.ContentLength > 0 && len(resp.TransferEncoding) == 0 {
		resp.Body = &openBody{conn: tcp, read: from, left: resp.ContentLength, hangUp: hangUp}
	} else {
		resp.Body = hungUp{resp.Body, hangUp}
	}
	return resp, nil
}

// hungUp is a body that ends its connection rather than be read to its end.
type hungUp struct {
	io.Reader
	hangUp func() error
}

func (b hungUp) Close() error { return ignoreClosed(b.hangUp()) }

func ignoreClosed(err error) error {
	if errors.Is(err, net.ErrClosed) { // the context was faster
		return nil
	}
	return err
}

// openBody is a body of known length with the connection on which it comes.
type openBody struct {
	conn   *net.TCPConn
	read   *bufio.Reader // what was read ahead of the body, and then the connection
	left   int64
	hangUp func() error
}

func (b *openBody) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, io.EOF
	}
	n, err := b.read.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, b.cut(err)
}

// cut is the error of a body that ends early.
func (b *openBody) cut(err error) error {
	if err == io.EOF && b.left > 0 {
		return io.ErrUnexpectedEOF
	}
	return err
}

// moveTo moves up to n of the next bytes to w, at least one unless there is an error. What has been moved when there is one
// is exact where the body broke; where w did, bytes may be lost between the two.
func (b *openBody) moveTo(w io.Writer, n int64) (int64, error) {
	if n = min(n, b.left); n <= 0 { // the store has sent less than it was asked for
		return 0, io.ErrUnexpectedEOF
	}
	src := &io.LimitedReader{R: b.conn, N: n}
	if ahead := int64(b.read.Buffered()); ahead > 0 {
		src.R, src.N = b.read, min(ahead, n)
		w = struct{ io.Writer }{w}
	}
	want := src.N
	moved, err := io.Copy(w, src)
	b.left -= moved
	if err == nil && moved < want {
		err = io.ErrUnexpectedEOF
	}
	return moved, err
}

func (b *openBody) Close() error { return ignoreClosed(b.hangUp()) }
