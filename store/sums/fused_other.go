//go:build !amd64 || purego

package sums

const hasSHA = false

func newFused() both { return newPair() }
