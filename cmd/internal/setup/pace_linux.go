package setup

import (
	"net"
	"syscall"
)

// unpaced has the kernel send without pacing to a client on this machine, mostly a proxy. A host that has BBR for the clients
// far away has it for these too, where there is nothing to find out about the way, and its timers cost more than the sending.
// Where that cannot be had, things stay as they are.
func unpaced(c net.Conn) {
	tcp, ok := c.(*net.TCPConn)
	if !ok {
		return
	}
	if from, ok := tcp.RemoteAddr().(*net.TCPAddr); !ok || !from.IP.IsLoopback() {
		return
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) {
		_ = syscall.SetsockoptString(int(fd), syscall.IPPROTO_TCP, syscall.TCP_CONGESTION, "reno") // which every kernel has
	})
}
