package rooms_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/blinkdrive/blinkdrive"

// A room says what a folder may import. A name that ends in /... stands for a folder and all below it.
type room struct {
	path  string
	ours  []string // packages of this module
	std   bool     // nothing but the standard library besides ours
	never []string // packages from outside that would break the room's purpose
}

var (
	drivers = []string{"store/sqldb", "store/memory", "store/disk", "store/redis", "store/s3", "mq/memory", "mq/rabbit"}
	rules   = []string{"config", "service", "handler", "handler/api", "store", "mq", "migrations", "static"}
)

// table is the arrows of import. The first room that matches a package counts.
var table = []room{
	{path: "cmd/blinkdrive", ours: append([]string{"cmd/internal/setup"}, rules...)},
	{path: "cmd/blink", ours: []string{"handler/client", "handler/api"}},
	{path: "cmd/internal/setup", ours: append(append(slices.Clone(rules), "handler/client"), drivers...)},
	{path: "cmd/internal/testenv", std: true},
	{path: "cmd/internal/testenv/with", ours: []string{"cmd/internal/testenv"}, std: true},
	{path: "cmd/internal/demo", ours: []string{"cmd/internal/testenv", "handler/client", "handler/api"}},
	{path: "cmd/internal/screenshots", ours: []string{"cmd/internal/testenv", "handler/client", "handler/api"}},
	{path: "cmd/internal/bench", ours: []string{"cmd/internal/testenv", "handler/client", "handler/api", "store", "store/sqldb"}},
	{path: "cmd/internal/rooms", std: true},
	{path: "config"},
	{path: "handler", ours: []string{"service", "handler/api", "store", "static"}, never: []string{"database/sql"}},
	{path: "handler/api", std: true},
	{path: "handler/client", ours: []string{"handler/api"}, never: []string{"database/sql"}},
	{path: "service", ours: []string{"store", "store/sums", "mq"}, never: []string{"net/http", "database/sql"}},
	{path: "store", std: true, never: []string{"net/http", "database/sql"}},
	{path: "store/sqldb", ours: []string{"store", "migrations"}, never: []string{"net/http"}},
	{path: "store/sums", ours: []string{"store"}, std: true, never: []string{"net/http", "database/sql"}},
	{path: "store/storetest", ours: []string{"store"}},
	{path: "store/memory", ours: []string{"store"}, never: []string{"net/http", "database/sql"}},
	{path: "store/disk/internal/aio", never: []string{"net/http", "database/sql"}},
	{path: "store/disk", ours: []string{"store", "store/sums", "store/disk/internal/aio"}, never: []string{"net/http", "database/sql"}},
	{path: "store/redis", ours: []string{"store"}, never: []string{"net/http", "database/sql"}},
	{path: "store/s3", ours: []string{"store", "store/sums"}, never: []string{"database/sql"}},
	{path: "mq", ours: []string{"store"}, std: true, never: []string{"net/http", "database/sql"}},
	{path: "mq/mqtest", ours: []string{"mq", "store"}},
	{path: "mq/memory", ours: []string{"mq", "store"}, never: []string{"net/http", "database/sql"}},
	{path: "mq/rabbit", ours: []string{"mq", "store"}, never: []string{"net/http", "database/sql"}},
	{path: "migrations", std: true},
	{path: "static", std: true, never: []string{"net/http", "database/sql"}},
}

// A listed package is what go list tells of one.
type listed struct {
	ImportPath, Dir, Name, Doc string
	GoFiles, Imports           []string
}

func (p listed) room() string { return strings.TrimPrefix(p.ImportPath, module+"/") }

// list returns the packages of the module, as built with every tag that changes the imports of one.
func list(t *testing.T, tags string) []listed {
	t.Helper()
	cmd := exec.Command("go", "list", "-tags", tags, "-json=ImportPath,Dir,Name,Doc,GoFiles,Imports", module+"/...")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, stderr.Bytes())
	}
	var packages []listed
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		if len(p.GoFiles) > 0 { // else there are only tests
			packages = append(packages, p)
		}
	}
	if len(packages) == 0 {
		t.Fatal("go list found no packages")
	}
	return packages
}

func TestImports(t *testing.T) {
	t.Parallel()
	for _, tags := range []string{"", "failpoint"} {
		for _, p := range list(t, tags) {
			i := slices.IndexFunc(table, func(r room) bool { return r.path == p.room() })
			if i < 0 {
				t.Errorf("%s is not in the table of rooms", p.room())
				continue
			}
			for _, imported := range p.Imports {
				if why := table[i].forbids(imported); why != "" {
					t.Errorf("%s imports %s: %s", p.room(), imported, why)
				}
			}
		}
	}
}

func (r room) forbids(imported string) string {
	if slices.Contains(r.never, imported) {
		return "that would break the room's purpose"
	}
	ours, inModule := strings.CutPrefix(imported, module+"/")
	first, _, _ := strings.Cut(imported, "/")
	switch {
	case inModule && !slices.Contains(r.ours, ours):
		return "it may only import " + strings.Join(r.ours, ", ") + " of this module"
	case !inModule && r.std && strings.Contains(first, "."):
		return "it may only import the standard library"
	}
	return ""
}

func TestTheTableForbids(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		room, imported string
		allowed        bool
	}{
		{"service", module + "/store", true},
		{"service", module + "/store/sqldb", false},
		{"service", module + "/config", false},
		{"service", "net/http", false},
		{"service", "context", true},
		{"store", "github.com/prometheus/client_golang/prometheus", false},
		{"store/disk", module + "/store/sqldb", false},
		{"handler", module + "/store/disk", false},
		{"handler/client", module + "/service", false},
		{"cmd/internal/setup", module + "/store/disk", true},
		{"cmd/blinkdrive", module + "/store/disk", false},
	} {
		i := slices.IndexFunc(table, func(r room) bool { return r.path == c.room })
		if why := table[i].forbids(c.imported); (why == "") != c.allowed {
			t.Errorf("%s imports %s: %q", c.room, c.imported, why)
		}
	}
}

func TestEveryPackageHasAComment(t *testing.T) {
	t.Parallel()
	for _, p := range list(t, "") {
		if p.Doc == "" {
			t.Errorf("%s has no package comment", p.room())
		}
	}
}

func TestNoInit(t *testing.T) {
	t.Parallel()
	for _, p := range list(t, "") {
		for _, name := range p.GoFiles {
			f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, name), nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range f.Decls {
				if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
					t.Errorf("%s has an init function", path.Join(p.room(), name))
				}
			}
		}
	}
}
