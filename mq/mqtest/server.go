package mqtest

import (
	"os"
	"testing"
)

// Server returns the address of a real server that a test needs, from the variable that names it. Where it is not set the
// test is skipped, or fails with BLINKDRIVE_TEST_SERVERS=required, as in make test. The server is shared: a test keeps to
// names of its own.
func Server(t testing.TB, variable string) string {
	t.Helper()
	if v := os.Getenv(variable); v != "" {
		return v
	}
	if os.Getenv("BLINKDRIVE_TEST_SERVERS") == "required" {
		t.Fatalf("%s is not set: no server to test with", variable)
	}
	t.Skipf("%s is not set: make test starts the server", variable)
	return ""
}
