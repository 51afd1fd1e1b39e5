//go:build !linux

package main

import (
	"os"
	"os/exec"
	"time"
)

// Where there is no /proc, times are measured and nothing else.

func preallocate(f *os.File, size int64) error { return f.Truncate(size) }
func dieWithUs(*exec.Cmd)                      {}
func syncAll()                                 {}
func warmMemory(int64)                         {}
func busyTime() time.Duration                  { return 0 }
func ownTime() time.Duration                   { return 0 }
func cpuTime(int) time.Duration                { return 0 }
func bytesWritten(int) int64                   { return 0 }
func peakMemory(int) int64                     { return 0 }
func residentMemory(int) int64                 { return 0 }
func forgetPeak(int)                           {}
func family(pid int) []int                     { return []int{pid} }
func machine() string                          { return "not Linux: CPU, memory and writes are not measured" }
