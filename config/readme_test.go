package config_test

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/blinkdrive/blinkdrive/config"
)

var update = flag.Bool("update", false, "write the table into the README instead of comparing")

// The table in the README is exactly the one that the options make.
func TestReadmeTable(t *testing.T) {
	t.Parallel()
	const name, head = "../README.md", "| variable | default | |\n"
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(b), head)
	if !ok {
		t.Fatalf("%s has no table of options", name)
	}
	table, after, _ := strings.Cut(rest, "\n\n")
	if head+table+"\n" == config.Table() {
		return
	}
	if !*update {
		t.Fatalf("the table of options in %s is not up to date: go test ./config -run TestReadmeTable -update", name)
	}
	if err := os.WriteFile(name, []byte(before+config.Table()+"\n"+after), 0o644); err != nil {
		t.Fatal(err)
	}
}
