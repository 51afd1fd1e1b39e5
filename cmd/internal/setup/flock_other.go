//go:build !unix

package setup

import (
	"errors"
	"fmt"
	"os"
)

var errLocked = errors.New("locked")

// flock refuses: without a lock two processes could destroy each other's uploads.
func flock(f *os.File) error {
	return fmt.Errorf("lock %s: %w on this system", f.Name(), errors.ErrUnsupported)
}
