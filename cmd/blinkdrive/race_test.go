package main_test

import "os"

// raceArgs have the server look for data races, if make test asks for it; a server that found one exits with a code that
// is not 0. The tests of this package run without the race detector themselves: their time is the servers' time, and the
// client and the drivers are tested with it in their own packages.
func raceArgs() []string {
	if os.Getenv("BLINKDRIVE_TEST_RACE") == "1" {
		return []string{"-race"}
	}
	return nil
}
