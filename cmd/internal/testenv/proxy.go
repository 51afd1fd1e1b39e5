package testenv

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
)

// A FaultProxy passes real TCP connections on to a server and cuts them, some with a reset, after a number of bytes.
type FaultProxy struct {
	listener net.Listener
	target   string
	cuts     atomic.Int64
	wg       sync.WaitGroup

	mu     sync.Mutex
	closed bool
	conns  map[net.Conn]bool
	up     func() int64 // bytes towards the server after which the next connection is cut; < 0: never
	down   func() int64 // likewise towards the client
}

func never() int64 { return -1 }

// NewFaultProxy listens on a free local address, until Close, for connections to target.
func NewFaultProxy(target string) (*FaultProxy, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("testenv: %w", err)
	}
	p := &FaultProxy{listener: l, target: target, conns: map[net.Conn]bool{}, up: never, down: never}
	p.wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			p.wg.Go(func() { p.pass(c) })
		}
	})
	return p, nil
}

// Close cuts all and waits until nothing runs any more.
func (p *FaultProxy) Close() {
	p.listener.Close()
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.CutAll()
	p.wg.Wait()
}

// URL is where clients find the proxy.
func (p *FaultProxy) URL() string { return "http://" + p.listener.Addr().String() }

// Cuts returns how many connections were cut at a limit.
func (p *FaultProxy) Cuts() int64 { return p.cuts.Load() }

// Fail sets after how many bytes later connections are cut, each asking anew; a negative number is never.
func (p *FaultProxy) Fail(up, down func() int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.up, p.down = up, down
}

// CutAll resets all connections.
func (p *FaultProxy) CutAll() {
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

func (p *FaultProxy) keep(c net.Conn) func() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.conns[c] = true
	if p.closed {
		c.Close()
	}
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.conns, c)
		c.Close()
	}
}

func (p *FaultProxy) pass(c net.Conn) {
	defer p.keep(c)()
	s, err := net.Dial("tcp", p.target)
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
func (p *FaultProxy) copy(dst, src net.Conn, limit int64) {
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
