package main

import (
	"bytes"
	"image/jpeg"
	"testing"
)

// TestLandscape draws the same picture twice, and no plain surface.
func TestLandscape(t *testing.T) {
	t.Parallel()
	first, err := views[0].jpeg()
	if err != nil {
		t.Fatal(err)
	}
	again, err := views[0].jpeg()
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first, again) {
		t.Error("the same landscape is another picture")
	}
	picture, err := jpeg.Decode(bytes.NewReader(first))
	if err != nil {
		t.Fatal(err)
	}
	if sky, ground := picture.At(10, 10), picture.At(width/2, height-1); sky == ground {
		t.Errorf("sky and ground are %v", sky)
	}
}
