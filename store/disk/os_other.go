//go:build !linux

package disk

import (
	"errors"
	"math"
	"os"
)

// The portable fallbacks: right everywhere, but space is not reserved, its shortage is only seen when a write fails,
// and a journal of an earlier process is read again against its CRCs, since nothing tells a reboot from a restart.

func bootID() string { return "" }

func reserve(f *os.File, size int64) error { return f.Truncate(size) }

func writeBack(*os.File, int64, int64) {}

func syncData(f *os.File) error { return f.Sync() }

func freeBytes(*os.Root) (int64, error) { return math.MaxInt64, nil }

func linkOpenFile(*os.File, *os.Root, string) error { return errors.ErrUnsupported }
