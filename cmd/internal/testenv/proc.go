package testenv

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// PeakMemory returns the most resident memory that the process ever had, in bytes.
func (d *Drive) PeakMemory() (int64, error) {
	kb, err := procField(fmt.Sprintf("/proc/%d/status", d.PID), "VmHWM:")
	return kb << 10, err
}

// DiskWritten returns the bytes that the process has caused to be sent to the disk.
func (d *Drive) DiskWritten() (int64, error) {
	return procField(fmt.Sprintf("/proc/%d/io", d.PID), "write_bytes:")
}

// procField returns the first number after a name in a file of /proc.
func procField(file, name string) (int64, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return 0, fmt.Errorf("testenv: %w", err)
	}
	for line := range bytes.Lines(b) {
		if rest, ok := strings.CutPrefix(string(line), name); ok {
			return strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
		}
	}
	return 0, fmt.Errorf("testenv: %s has no %s", file, name)
}
