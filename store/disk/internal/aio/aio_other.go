//go:build !linux

package aio

import "os"

// A Syncer makes files and folders durable, here with [os.File.Sync].
type Syncer struct{}

// Sync makes the bytes and the attributes of f durable.
func (*Syncer) Sync(f *os.File) error { return f.Sync() }
