package rooms_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const migrations = "../../../migrations"

var migrationName = regexp.MustCompile(`^(\d{4})_[a-z0-9_]+\.(up|down)\.sql$`)

// steps returns the names of one engine's migrations, as in 0001_tables, and checks that each goes up and down and that
// they are numbered from 1 without a gap.
func steps(t *testing.T, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	ways := make(map[string]int)
	for _, f := range files {
		name := filepath.Base(f)
		m := migrationName.FindStringSubmatch(name)
		if m == nil {
			t.Errorf("%s is not named as a migration", f)
			continue
		}
		if s, err := os.Stat(f); err != nil || s.Size() == 0 {
			t.Errorf("%s is empty", f)
		}
		ways[strings.TrimSuffix(name, "."+m[2]+".sql")]++
	}
	var names []string
	for name, n := range ways {
		names = append(names, name)
		if n != 2 {
			t.Errorf("%s: %s does not go both up and down", dir, name)
		}
	}
	slices.Sort(names)
	for i, name := range names {
		if want := fmt.Sprintf("%04d_", i+1); !strings.HasPrefix(name, want) {
			t.Errorf("%s: %s is where %s… should be", dir, name, want)
		}
	}
	return names
}

func TestMigrationPairs(t *testing.T) {
	t.Parallel()
	entries, err := os.ReadDir(migrations)
	if err != nil {
		t.Fatal(err)
	}
	var first []string
	for _, e := range entries {
		if !e.IsDir() {
			continue
		}
		names := steps(t, filepath.Join(migrations, e.Name()))
		if first == nil {
			first = names
		}
		if !slices.Equal(names, first) {
			t.Errorf("%s has %v, another engine %v", e.Name(), names, first)
		}
	}
	if len(first) == 0 {
		t.Error("there are no migrations")
	}
}
