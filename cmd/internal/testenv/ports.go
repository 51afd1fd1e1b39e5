package testenv

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"strconv"
	"strings"
)

// ports are taken from a stretch in which the kernel gives none to clients, so that a server that is started again finds its
// own still free.
type ports struct {
	held []net.Listener
}

// take returns the first of n neighbouring ports on which nobody listens and which no other set of servers on this machine
// has taken, also while its servers are down.
func (p *ports) take(n int) (int, error) {
	low, high := stretch()
	for range 1000 {
		first := low + rand.IntN(high-low-n)
		if p.hold(first, n) {
			return first, nil
		}
	}
	return 0, fmt.Errorf("testenv: found no %d free ports from %d to %d", n, low, high)
}

// addr takes one port and returns it as a local address.
func (p *ports) addr() (string, error) {
	port, err := p.take(1)
	return local(port), err
}

func local(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

func (p *ports) hold(first, n int) bool {
	var held []net.Listener
	for port := first; port < first+n; port++ {
		l := reserve(port)
		if l == nil {
			for _, l := range held {
				l.Close()
			}
			return false
		}
		held = append(held, l)
	}
	p.held = append(p.held, held...)
	return true
}

// reserve keeps a port for this process by a name that the kernel forgets with it: a socket in Linux's abstract namespace,
// elsewhere nothing.
func reserve(port int) net.Listener {
	free, err := net.Listen("tcp", local(port))
	if err != nil {
		return nil
	}
	defer free.Close()
	name := fmt.Sprintf("@blinkdrive/testenv/%d", port)
	l, err := net.Listen("unix", name)
	if err != nil {
		return nil
	}
	return l
}

func (p *ports) release() {
	for _, l := range p.held {
		l.Close()
	}
	p.held = nil
}

// stretch returns a range of ports outside of the one for clients.
func stretch() (low, high int) {
	low, high = 10_000, 32_768
	b, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range")
	if err != nil {
		return low, high
	}
	fields := strings.Fields(string(b))
	if first, err := strconv.Atoi(fields[0]); err == nil && len(fields) == 2 {
		if first-low >= 2_000 {
			return low, first
		}
		if last, err := strconv.Atoi(fields[1]); err == nil && 65_536-last >= 2_000 {
			return last + 1, 65_536
		}
	}
	return low, high
}
