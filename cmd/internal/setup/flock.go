package setup

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// errLocked: another process has the lock.
var errLocked = errors.New("locked")

// flock locks a file for this process alone, or fails at once.
func flock(f *os.File) error {
	switch err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); {
	case errors.Is(err, syscall.EWOULDBLOCK):
		return errLocked
	case err != nil:
		return fmt.Errorf("lock %s: %w", f.Name(), err)
	}
	return nil
}
