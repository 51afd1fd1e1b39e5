package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// setCongestion gives the listening TCP sockets of a process the congestion control; the connections that it accepts from then
// on inherit it. It needs no help of the server, and changes nothing on the machine: a socket of a child process can be
// duplicated (pidfd_getfd(2), Linux 5.6), and the copy has the same options.
func setCongestion(pid int) error {
	listeners := 0
	err := eachSocket(pid, func(fd int) error {
		if !listens(fd) {
			return nil
		}
		listeners++
		return unix.SetsockoptString(fd, unix.IPPROTO_TCP, unix.TCP_CONGESTION, congestion)
	})
	if err == nil && listeners == 0 {
		err = fmt.Errorf("process %d listens nowhere", pid)
	}
	return err
}

// congestionOf returns what is in force on the listening TCP sockets of a process and its children, and on the connections
// that they have accepted. Connections to other servers are left out.
func congestionOf(pid int) ([]string, error) {
	ports := map[int]bool{}
	conns := map[int][]string{} // names by local port
	for _, p := range family(pid) {
		err := eachSocket(p, func(fd int) error {
			port, err := localPort(fd)
			if err != nil {
				return err
			}
			name, err := unix.GetsockoptString(fd, unix.IPPROTO_TCP, unix.TCP_CONGESTION)
			if err != nil {
				return err
			}
			ports[port] = ports[port] || listens(fd)
			conns[port] = append(conns[port], name)
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	var names []string
	for port, listening := range ports {
		if listening {
			names = append(names, conns[port]...)
		}
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// eachSocket calls fn with a copy of each TCP socket of a process.
func eachSocket(pid int, fn func(fd int) error) error {
	handle, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return fmt.Errorf("pidfd_open: %w", err)
	}
	defer unix.Close(handle)
	links, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	if err != nil {
		return err
	}
	for _, link := range links {
		if to, err := os.Readlink(link); err != nil || !strings.HasPrefix(to, "socket:") {
			continue // closed by now, or a file
		}
		n, err := strconv.Atoi(filepath.Base(link))
		if err != nil {
			return err
		}
		fd, err := unix.PidfdGetfd(handle, n, 0)
		if err == unix.EBADF {
			continue
		}
		if err != nil {
			return fmt.Errorf("pidfd_getfd: %w", err)
		}
		if isTCP(fd) {
			err = fn(fd)
		}
		unix.Close(fd)
		if err != nil {
			return err
		}
	}
	return nil
}

// isTCP reports whether a socket is one of TCP, or of MPTCP, as the listeners of programs in Go are.
func isTCP(fd int) bool {
	protocol, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_PROTOCOL)
	return err == nil && (protocol == unix.IPPROTO_TCP || protocol == unix.IPPROTO_MPTCP)
}

func listens(fd int) bool {
	accepts, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ACCEPTCONN)
	return err == nil && accepts == 1
}

func localPort(fd int) (int, error) {
	addr, err := unix.Getsockname(fd)
	switch a := addr.(type) {
	case *unix.SockaddrInet4:
		return a.Port, nil
	case *unix.SockaddrInet6:
		return a.Port, nil
	}
	return 0, err
}

// dialCongestion is for the net.Dialer of the client that measures.
func dialCongestion(_, _ string, c syscall.RawConn) error {
	var err error
	if cerr := c.Control(func(fd uintptr) {
		err = unix.SetsockoptString(int(fd), unix.IPPROTO_TCP, unix.TCP_CONGESTION, congestion)
	}); cerr != nil {
		return cerr
	}
	return err
}
