//go:build !linux

package testenv

import "syscall"

// bound makes a process the leader of a group of its own. Only Linux kills it with its parent.
func bound() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
