//go:build race

package main_test

// raceArgs have the server look for data races too where the test does; it then ends with a code that is not 0.
func raceArgs() []string { return []string{"-race"} }
