package rabbit_test

import (
	"net"
	"net/url"
	"sync"
	"testing"
)

// proxy stands between a queue and the broker and does to the line what a test asks for.
type proxy struct {
	url    string // of the broker, by way of the proxy
	target string
	listen net.Listener
	done   sync.WaitGroup

	mu      sync.Mutex
	changed *sync.Cond
	lines   map[net.Conn]bool // both ends
	stalled bool
	refuses bool
	over    bool
}

func newProxy(t *testing.T, broker string) *proxy {
	t.Helper()
	u, err := url.Parse(broker)
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{target: u.Host, lines: make(map[net.Conn]bool)}
	p.changed = sync.NewCond(&p.mu)
	if p.listen, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	u.Host = p.listen.Addr().String()
	p.url = u.String()
	p.done.Go(p.accept)
	t.Cleanup(func() {
		_ = p.listen.Close()
		p.set(func() { p.over = true })
		p.cut()
		p.done.Wait()
	})
	return p
}

func (p *proxy) accept() {
	for {
		client, err := p.listen.Accept()
		if err != nil {
			return
		}
		if !p.open(client) {
			_ = client.Close()
		}
	}
}

func (p *proxy) open(client net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.refuses || p.over {
		return false
	}
	server, err := net.Dial("tcp", p.target)
	if err != nil {
		return false
	}
	p.lines[client], p.lines[server] = true, true
	p.done.Go(func() { p.carry(client, server) })
	p.done.Go(func() { p.carry(server, client) })
	return true
}

func (p *proxy) carry(from, to net.Conn) {
	defer p.close(from, to)
	for buf := make([]byte, 4<<10); ; {
		n, err := from.Read(buf)
		if err != nil || !p.mayPass() {
			return
		}
		if _, err := to.Write(buf[:n]); err != nil {
			return
		}
	}
}

// mayPass waits while the line is stalled.
func (p *proxy) mayPass() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.stalled && !p.over {
		p.changed.Wait()
	}
	return !p.over
}

func (p *proxy) close(ends ...net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range ends {
		_ = c.Close()
		delete(p.lines, c)
	}
}

func (p *proxy) set(change func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change()
	p.changed.Broadcast()
}

// cut ends all connections.
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.lines {
		_ = c.Close()
	}
}

// stall has bytes stay on their way, or go on.
func (p *proxy) stall(on bool) { p.set(func() { p.stalled = on }) }

// refuse has new connections end at once, or not.
func (p *proxy) refuse(on bool) { p.set(func() { p.refuses = on }) }
