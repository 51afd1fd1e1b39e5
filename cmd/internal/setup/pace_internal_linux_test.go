package setup

import (
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func congestion(t *testing.T, c net.Conn) (name string) {
	t.Helper()
	raw, err := c.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Error(err)
		return ""
	}
	_ = raw.Control(func(fd uintptr) {
		if name, err = unix.GetsockoptString(int(fd), unix.IPPROTO_TCP, unix.TCP_CONGESTION); err != nil {
			t.Error(err)
		}
	})
	return name
}

// The server's own end of a connection from this machine has not BBR, whatever the host has; one from elsewhere would have it.
func TestNoPacingOnThisMachine(t *testing.T) {
	t.Parallel()
	var d net.Dialer
	found, restored := make(chan string, 1), make(chan string, 1)
	s, err := newServer(listenSetting, "127.0.0.1:0", http.NotFoundHandler(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := d.DialContext(t.Context(), "tcp", s.listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	host := congestion(t, plain) // our own end has what the host gives it
	s.ConnState = func(c net.Conn, state http.ConnState) {
		if state != http.StateActive {
			return
		}
		found <- congestion(t, c)
		(&pacer{host: host}).restore(c.(*net.TCPConn))
		restored <- congestion(t, c)
	}
	go s.serve()
	defer s.Close()
	resp, err := http.Get("http://" + s.listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if name := <-found; strings.HasPrefix(name, "bbr") {
		t.Errorf("the connection has %s", name)
	}
	if name := <-restored; name != host {
		t.Errorf("the connection gets %s back, want %s", name, host)
	}
}
