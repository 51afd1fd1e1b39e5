package testenv

import "syscall"

// bound makes a process the leader of a group of its own, which the kernel kills when its parent dies.
func bound() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
