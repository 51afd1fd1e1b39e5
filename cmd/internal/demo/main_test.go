package main

import (
	"strings"
	"testing"
)

// TestStory plays the demo with a file that is large enough to be killed in the middle.
func TestStory(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("builds and runs the program")
	}
	var out strings.Builder
	if err := run(t.Context(), "", 48<<20, &out); err != nil {
		t.Fatalf("%v\n%s", err, &out)
	}
	t.Log(&out)
	for _, want := range []string{"kill -9", "All is as it should be"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the demo did not say %q:\n%s", want, &out)
		}
	}
}
