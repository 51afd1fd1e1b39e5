package service_test

import (
	"crypto/sha1"
	"encoding/hex"
	"testing"
)

// The first 320 bytes of the two PDF files of https://shattered.io (Stevens, Bursztein, Karpman, Albertini, Markov, 2017),
// which have one SHA-1: a common prefix and two colliding blocks.
const (
	shatteredPrefix = "255044462d312e330a25e2e3cfd30a0a0a312030206f626a0a3c3c2f57696474682032203020522f4865696768742033203020522f" +
		"547970652034203020522f537562747970652035203020522f46696c7465722036203020522f436f6c6f7253706163652037203020522f4c65" +
		"6e6774682038203020522f42697473506572436f6d706f6e656e7420383e3e0a73747265616d0affd8fffe00245348412d3120697320646561" +
		"642121212121852fec092339759c39b1a1c63c4c97e1fffe01"
	shatteredA = "7f46dc93a6b67e013b029aaa1db2560b45ca67d688c7f84b8c4c791fe02b3df614f86db1690901c56b45c1530afedfb76038e97272" +
		"2fe7ad728f0e4904e046c230570fe9d41398abe12ef5bc942be33542a4802d98b5d70f2a332ec37fac3514e74ddc0f2cc1a874cd0c78305a21" +
		"566461309789606bd0bf3f98cda8044629a1"
	shatteredB = "7346dc9166b67e118f029ab621b2560ff9ca67cca8c7f85ba84c79030c2b3de218f86db3a90901d5df45c14f26fedfb3dc38e96ac2" +
		"2fe7bd728f0e45bce046d23c570feb141398bb552ef5a0a82be331fea48037b8b5d71f0e332edf93ac3500eb4ddc0decc1a864790c782c7621" +
		"5660dd309791d06bd0af3f98cda4bc4629b1"
)

// shattered returns two contents with one SHA-1.
func shattered(t *testing.T) (a, b []byte) {
	t.Helper()
	var err error
	if a, err = hex.DecodeString(shatteredPrefix + shatteredA); err != nil {
		t.Fatal(err)
	}
	if b, err = hex.DecodeString(shatteredPrefix + shatteredB); err != nil {
		t.Fatal(err)
	}
	if sha1.Sum(a) != sha1.Sum(b) {
		t.Fatal("the blocks do not collide")
	}
	return a, b
}
