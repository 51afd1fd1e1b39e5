//go:build !race

package main_test

func raceArgs() []string { return nil }
