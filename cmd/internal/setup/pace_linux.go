package setup

import (
	"net"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// A pacer keeps BBR, where the host has that for the clients far away, from clients on this machine, mostly a proxy. There is
// nothing to find out about that way, and BBR's timers cost more than the sending. A connection that once had BBR is paced
// for ever: so the listener has another algorithm, and a connection from elsewhere gets the host's back before anything is sent.
// Where the host has another one, or this cannot be had, things stay as they are.
type pacer struct{ host string } // empty: nothing was changed

// unpaced needs no module. A route that asks for just this one, on a host that has BBR, is not told from it.
const unpaced = "reno"

// listening is for net.ListenConfig.
func (p *pacer) listening(_, _ string, raw syscall.RawConn) error {
	return raw.Control(func(fd uintptr) {
		host, err := unix.GetsockoptString(int(fd), unix.IPPROTO_TCP, unix.TCP_CONGESTION)
		if err != nil || !strings.HasPrefix(host, "bbr") {
			return
		}
		if unix.SetsockoptString(int(fd), unix.IPPROTO_TCP, unix.TCP_CONGESTION, unpaced) == nil {
			p.host = host
		}
	})
}

// accepted gives a connection from another machine what it would have had.
func (p *pacer) accepted(c net.Conn) {
	tcp, ok := c.(*net.TCPConn)
	if !ok || p.host == "" {
		return
	}
	if from, ok := tcp.RemoteAddr().(*net.TCPAddr); !ok || from.IP.IsLoopback() {
		return
	}
	p.restore(tcp)
}

func (p *pacer) restore(c syscall.Conn) {
	raw, err := c.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) {
		if now, err := unix.GetsockoptString(int(fd), unix.IPPROTO_TCP, unix.TCP_CONGESTION); err == nil && now == unpaced {
			_ = unix.SetsockoptString(int(fd), unix.IPPROTO_TCP, unix.TCP_CONGESTION, p.host)
		}
	})
}
