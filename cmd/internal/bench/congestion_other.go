//go:build !linux

package main

import (
	"errors"
	"syscall"
)

func setCongestion(int) error                             { return errors.ErrUnsupported }
func congestionOf(int) ([]string, error)                  { return nil, errors.ErrUnsupported }
func dialCongestion(_, _ string, _ syscall.RawConn) error { return nil }
