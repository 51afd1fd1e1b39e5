package client

import "testing"

func TestNamesOfTargets(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		path, name, entry string
		want              bool
	}{
		{"", "a.txt", "/a.txt", true},
		{"", "a.txt", "/a (2).txt", true},
		{"/x/y", "a.txt", "/x/y/a (13).txt", true},
		{"x", "a.txt", "/x/a.txt", true},
		{"", ".bashrc", "/.bashrc (2)", true},
		{"", "a (2).txt", "/a (2) (3).txt", true},
		{"", "cafe\u0301", "/caf\u00e9", true},
		{"", "a.txt", "/b.txt", false},
		{"", "a.txt", "/x/a.txt", false},
		{"/x", "a.txt", "/a.txt", false},
		{"", "a (2).txt", "/a.txt", false},
		{"", "a.txt", "/a (2).txt.txt", false},
	} {
		if got := (Target{Path: c.path, Name: c.name}).names(c.entry); got != c.want {
			t.Errorf("%q in %q and the entry %q: %v", c.name, c.path, c.entry, got)
		}
	}
}
