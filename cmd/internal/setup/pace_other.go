//go:build !linux

package setup

import (
	"net"
	"syscall"
)

// A pacer does nothing here.
type pacer struct{}

func (*pacer) listening(_, _ string, _ syscall.RawConn) error { return nil }

func (*pacer) accepted(net.Conn) {}
