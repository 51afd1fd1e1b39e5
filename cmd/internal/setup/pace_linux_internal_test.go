package setup

import (
	"log/slog"
	"net"
	"net/http"
	"testing"

	"golang.org/x/sys/unix"
)

// The server's own end of a connection from this machine is what sends without pacing.
func TestNoPacingOnThisMachine(t *testing.T) {
	t.Parallel()
	found := make(chan string, 1)
	s, err := newServer(listenSetting, "127.0.0.1:0", http.NotFoundHandler(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	s.ConnState = func(c net.Conn, state http.ConnState) {
		if state != http.StateActive {
			return
		}
		raw, err := c.(*net.TCPConn).SyscallConn()
		if err != nil {
			t.Error(err)
			return
		}
		_ = raw.Control(func(fd uintptr) {
			name, err := unix.GetsockoptString(int(fd), unix.IPPROTO_TCP, unix.TCP_CONGESTION)
			if err != nil {
				t.Error(err)
			}
			found <- name
		})
	}
	go s.serve()
	defer s.Close()
	resp, err := http.Get("http://" + s.listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if name := <-found; name != "reno" {
		t.Errorf("the connection has %s", name)
	}
}
