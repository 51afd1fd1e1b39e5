package config_test

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/blinkdrive/blinkdrive/config"
)

var update = flag.Bool("update", false, "write the table into docs/configuration.md instead of comparing")

// TestDocs checks that the table in docs/configuration.md is exactly the one that the options generate.
func TestDocs(t *testing.T) {
	t.Parallel()
	const name = "../docs/configuration.md"
	head, _, _ := strings.Cut(config.Table(), "\n")
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(b), head+"\n")
	if !ok {
		t.Fatalf("%s has no table of options", name)
	}
	table, after, _ := strings.Cut(rest, "\n\n")
	if head+"\n"+table+"\n" == config.Table() {
		return
	}
	if !*update {
		t.Fatalf("the table of options in %s is not up to date; run: make docs", name)
	}
	if err := os.WriteFile(name, []byte(before+config.Table()+"\n"+after), 0o644); err != nil {
		t.Fatal(err)
	}
}
