//go:build !failpoint

package setup

// step is called by the services between their steps. Only binaries built for crash tests have one.
func step() func(string) { return nil }
