package client_test

import (
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"testing"
)

// A faultProxy passes real TCP connections on to a server and cuts them, some with a reset, after a number of bytes.
type faultProxy struct {
	addr   string
	target atomic.Pointer[string] // "": refuse

	mu    sync.Mutex
	conns map[net.Conn]bool
	up    func() int64 // bytes towards the server after which the next connection is cut; < 0: never
	down  func() int64 // likewise towards the client
	cuts  atomic.Int64
}

func never() int64 { return -1 }

// newFaultProxy listens until the test ends.
func newFaultProxy(t *testing.T, target string) *faultProxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &faultProxy{addr: l.Addr().String(), conns: map[net.Conn]bool{}, up: never, down: never}
	p.target.Store(&target)
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { p.pass(c) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		p.cutAll()
		wg.Wait()
	})
	return p
}

func (p *faultProxy) url() string { return "http://" + p.addr }

// fail sets where later connections are cut.
func (p *faultProxy) fail(up, down func() int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.up, p.down = up, down
}

// cutAll resets all connections.
func (p *faultProxy) cutAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		reset(c)
	}
}

func reset(c net.Conn) {
	if t, ok := c.(*net.TCPConn); ok {
		t.SetLinger(0)
	}
	c.Close()
}

func (p *faultProxy) keep(c net.Conn) func() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.conns[c] = true
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.conns, c)
		c.Close()
	}
}

func (p *faultProxy) pass(c net.Conn) {
	defer p.keep(c)()
	s, err := net.Dial("tcp", *p.target.Load())
	if err != nil {
		return
	}
	defer p.keep(s)()
	p.mu.Lock()
	up, down := p.up(), p.down()
	p.mu.Unlock()
	var wg sync.WaitGroup
	wg.Go(func() { p.copy(s, c, up) })
	p.copy(c, s, down)
	wg.Wait()
}

// copy passes bytes on until the end, or cuts both connections after limit bytes.
func (p *faultProxy) copy(dst, src net.Conn, limit int64) {
	if limit < 0 {
		io.Copy(dst, src)
	} else if n, _ := io.CopyN(dst, src, limit); n == limit {
		p.cuts.Add(1)
		if rand.IntN(2) == 0 {
			reset(src)
			reset(dst)
		}
	}
	dst.Close()
	src.Close()
}
