//go:build !linux

package disk

import "os"

// fsyncs makes small files and folders durable.
type fsyncs struct{}

func (*fsyncs) fsync(f *os.File) error { return f.Sync() }
