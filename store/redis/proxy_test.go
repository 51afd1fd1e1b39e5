package redis_test

import (
	"io"
	"net"
	"sync"
	"testing"
	"time"
)

// A proxy is a line to a server that can be made slow, cut and pointed elsewhere.
type proxy struct {
	listener net.Listener
	running  sync.WaitGroup

	mu     sync.Mutex
	target string
	delay  time.Duration // of every piece of an answer
	limit  int64         // an answer is cut after so many bytes; 0 is never
	open   map[net.Conn]bool
	closed bool
}

func startProxy(t testing.TB, target string) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{listener: l, target: target, open: make(map[net.Conn]bool)}
	p.running.Go(p.serve)
	t.Cleanup(func() {
		l.Close()
		p.cutAll(true)
		p.running.Wait()
	})
	return p
}

func (p *proxy) url() string { return "redis://" + p.listener.Addr().String() + "/0" }

// set changes how the proxy behaves, from the next piece of an answer on.
func (p *proxy) set(change func(*proxy)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change(p)
}

func (p *proxy) now() (target string, delay time.Duration, limit int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.target, p.delay, p.limit
}

// cutAll resets every connection there is.
func (p *proxy) cutAll(forEver bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = forEver
	for c := range p.open {
		c.Close()
	}
	clear(p.open)
}

// add notes connections to be cut, unless it is too late.
func (p *proxy) add(cs ...net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range cs {
		if p.closed {
			c.Close()
			continue
		}
		p.open[c] = true
	}
	return !p.closed
}

func (p *proxy) serve() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		target, _, _ := p.now()
		server, err := net.Dial("tcp", target)
		if err != nil {
			client.Close()
			continue
		}
		if !p.add(client, server) {
			return
		}
		p.running.Go(func() {
			_, _ = io.Copy(server, client) // however it ends, the other side is told
			server.Close()
		})
		p.running.Go(func() {
			p.answer(client, server)
			client.Close()
			server.Close()
		})
	}
}

// answer passes on what the server says, as slowly and as incompletely as it is told to.
func (p *proxy) answer(client io.Writer, server io.Reader) {
	buf := make([]byte, 32<<10)
	for {
		n, err := server.Read(buf)
		_, delay, limit := p.now()
		if delay > 0 {
			time.Sleep(delay)
		}
		if limit > 0 && int64(n) > limit {
			_, _ = client.Write(buf[:limit])
			return
		}
		if _, werr := client.Write(buf[:n]); err != nil || werr != nil {
			return
		}
	}
}
