package sqldb

import (
	"bytes"
	"net"
	"sync"
	"testing"

	"github.com/go-sql-driver/mysql"
)

// A proxy stands before the shared server and has the faults of networks.
type proxy struct {
	t        *testing.T
	addr     string
	upstream *mysql.Config

	mu       sync.Mutex
	listener net.Listener
	conns    map[net.Conn]bool
	stalled  chan struct{} // closed when bytes may flow; nil: they may
	onCommit fate
}

// A fate is what happens to the next commit.
type fate int

const (
	passes     fate = iota
	neverComes      // the connection is cut before the server gets it
	noAnswer        // the connection is cut before the client gets the answer
)

func newProxy(t *testing.T, s *mysqlServer) *proxy {
	t.Helper()
	p := &proxy{t: t, addr: "127.0.0.1:0", upstream: s.config, conns: map[net.Conn]bool{}}
	p.up()
	t.Cleanup(func() {
		p.resume()
		p.down()
	})
	return p
}

// source names a database behind the proxy.
func (p *proxy) source(name string) Source {
	p.t.Helper()
	c := p.upstream.Clone()
	c.Net, c.Addr, c.DBName = "tcp", p.addr, name
	src, err := MySQL(c.FormatDSN())
	if err != nil {
		p.t.Fatal(err)
	}
	return src
}

// up lets clients connect, at the address of before.
func (p *proxy) up() {
	p.t.Helper()
	l, err := net.Listen("tcp", p.addr)
	if err != nil {
		p.t.Fatal(err)
	}
	p.mu.Lock()
	p.listener, p.addr = l, l.Addr().String()
	p.mu.Unlock()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go p.serve(c)
		}
	}()
}

// down refuses new connections and cuts those that there are.
func (p *proxy) down() {
	p.mu.Lock()
	p.listener.Close()
	p.mu.Unlock()
	p.cut()
}

// cut ends all connections.
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		c.Close()
	}
	clear(p.conns)
}

// stall holds all bytes back until resume.
func (p *proxy) stall() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stalled = make(chan struct{})
}

func (p *proxy) resume() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stalled != nil {
		close(p.stalled)
		p.stalled = nil
	}
}

func (p *proxy) wait() {
	p.mu.Lock()
	stalled := p.stalled
	p.mu.Unlock()
	if stalled != nil {
		<-stalled
	}
}

// next says what happens to the next commit.
func (p *proxy) next(f fate) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.onCommit = f
}

func (p *proxy) takeFate() fate {
	p.mu.Lock()
	defer p.mu.Unlock()
	f := p.onCommit
	p.onCommit = passes
	return f
}

func (p *proxy) serve(client net.Conn) {
	server, err := net.Dial(p.upstream.Net, p.upstream.Addr)
	if err != nil {
		client.Close()
		return
	}
	p.mu.Lock()
	p.conns[client], p.conns[server] = true, true
	p.mu.Unlock()
	silent := make(chan struct{}) // closed: what the server says is not passed on
	go p.copy(client, server, func([]byte) bool {
		select {
		case <-silent:
			return false
		default:
			return true
		}
	})
	p.copy(server, client, func(b []byte) bool {
		if !bytes.HasSuffix(b, []byte("\x03COMMIT")) {
			return true
		}
		switch p.takeFate() {
		case neverComes:
			return false
		case noAnswer:
			close(silent)
		}
		return true
	})
}

// copy passes bytes on until pass says no.
func (p *proxy) copy(to, from net.Conn, pass func([]byte) bool) {
	defer to.Close()
	defer from.Close()
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		p.wait()
		if err != nil || !pass(buf[:n]) {
			return
		}
		if _, err := to.Write(buf[:n]); err != nil {
			return
		}
	}
}
