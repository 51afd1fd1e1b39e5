package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// tick is the unit of CPU times in /proc: USER_HZ is 100 on every machine that Go knows.
const tick = 10 * time.Millisecond

func preallocate(f *os.File, size int64) error { return unix.Fallocate(int(f.Fd()), 0, 0, size) }

// dieWithUs has the system kill a child whose parent is gone, however that went.
func dieWithUs(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }

func syncAll() { unix.Sync() }

// warmMemory touches and frees memory, so that pages that the host had taken back are there again.
func warmMemory(limit int64) {
	n := int(min(limit, memoryRoom()/4))
	if n <= 0 {
		return
	}
	b, err := unix.Mmap(-1, 0, n, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		return // it was only to be kind to the measurement
	}
	for i := 0; i < n; i += 4096 {
		b[i] = 1
	}
	_ = unix.Munmap(b)
}

// memoryRoom is how much memory may still be used: what the machine has, or the control group allows.
func memoryRoom() int64 {
	kb, _ := procNumber("/proc/meminfo", "MemAvailable:")
	room := kb << 10
	limit, err1 := wholeNumber("/sys/fs/cgroup/memory.max")
	used, err2 := wholeNumber("/sys/fs/cgroup/memory.current")
	if err1 == nil && err2 == nil {
		room = min(room, limit-used)
	}
	return room
}

func wholeNumber(file string) (int64, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(strings.TrimSpace(string(b)), 10, 64)
}

// procNumber returns the first number after a name in a file of /proc.
func procNumber(file, name string) (int64, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return 0, err
	}
	for line := range bytes.Lines(b) {
		if rest, ok := strings.CutPrefix(string(line), name); ok {
			return strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
		}
	}
	return 0, fmt.Errorf("%s has no %s", file, name)
}

// busyTime is how long all CPUs together have worked, for anybody; the host's theft counts as work.
func busyTime() time.Duration {
	b, _ := os.ReadFile("/proc/stat")
	line, _, _ := strings.Cut(string(b), "\n")
	var sum time.Duration
	for i, field := range strings.Fields(line) {
		if i == 0 || i == 4 || i == 5 || i > 8 { // the name, idle, waiting, and guests, who are counted already
			continue
		}
		n, _ := strconv.ParseInt(field, 10, 64)
		sum += time.Duration(n) * tick
	}
	return sum
}

func ownTime() time.Duration {
	var u unix.Rusage
	_ = unix.Getrusage(unix.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// cpuTime is the CPU time of a process and of its children that run.
func cpuTime(pid int) time.Duration {
	var sum time.Duration
	for _, p := range family(pid) {
		b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p))
		_, rest, _ := strings.Cut(string(b), ") ")
		f := strings.Fields(rest)
		for _, i := range []int{11, 12} { // utime and stime
			if i < len(f) {
				n, _ := strconv.ParseInt(f[i], 10, 64)
				sum += time.Duration(n) * tick
			}
		}
	}
	return sum
}

// family is a process and those that it has started.
func family(pid int) []int {
	list := []int{pid}
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	for _, f := range strings.Fields(string(b)) {
		if n, err := strconv.Atoi(f); err == nil {
			list = append(list, n)
		}
	}
	return list
}

func bytesWritten(pid int) int64 {
	n, _ := procNumber(fmt.Sprintf("/proc/%d/io", pid), "write_bytes:")
	return n
}

func peakMemory(pid int) int64 {
	kb, _ := procNumber(fmt.Sprintf("/proc/%d/status", pid), "VmHWM:")
	return kb << 10
}

func residentMemory(pid int) int64 {
	kb, _ := procNumber(fmt.Sprintf("/proc/%d/status", pid), "VmRSS:")
	return kb << 10
}

// forgetPeak lets the peak of a process's memory begin anew.
func forgetPeak(pid int) {
	_ = os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", pid), []byte("5"), 0)
}

// machine describes where this runs, without a name.
func machine() string {
	model := "CPU of unknown kind"
	b, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(b)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			model = strings.TrimSpace(value)
			break
		}
	}
	kb, _ := procNumber("/proc/meminfo", "MemTotal:")
	var u unix.Utsname
	_ = unix.Uname(&u)
	return fmt.Sprintf("%s, %d GiB memory, Linux %s", model, (kb+(1<<19))>>20, unix.ByteSliceToString(u.Release[:]))
}
