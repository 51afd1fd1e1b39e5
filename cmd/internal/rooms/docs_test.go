package rooms_test

import (
	"bytes"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/text"
)

// The limits of the documentation. A page that does not fit is two pages.
const (
	maxColumns = 120 // characters in a line, except in tables and where a URL cannot be broken
	maxCell    = 200 // characters in a table cell
	maxPage    = 300 // lines
	maxLanding = 150 // lines of README.md and its translations
)

// unlimited are reference pages that may be longer than maxPage.
var unlimited = []string{"docs/api.md"}

// landing are the pages that a newcomer reads first.
var landing = []string{"README.md", "docs/zh-CN.md"}

// A page is a parsed Markdown file of the repository.
type page struct {
	name    string // slash-separated, relative to the root
	source  []byte
	doc     ast.Node
	anchors map[string]bool
}

// markdown parses what GitHub renders: CommonMark with tables.
var markdown = goldmark.New(goldmark.WithExtensions(extension.GFM))

func parsePage(name string, source []byte) *page {
	p := &page{name: name, source: source, doc: markdown.Parser().Parse(text.NewReader(source)), anchors: map[string]bool{}}
	p.each(func(n ast.Node) {
		h, ok := n.(*ast.Heading)
		if !ok {
			return
		}
		slug := headingSlug(p.text(h))
		for i, base := 1, slug; p.anchors[slug]; i++ {
			slug = fmt.Sprintf("%s-%d", base, i)
		}
		p.anchors[slug] = true
	})
	return p
}

func (p *page) each(fn func(ast.Node)) {
	_ = ast.Walk(p.doc, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if entering {
			fn(n)
		}
		return ast.WalkContinue, nil
	})
}

// text returns what a reader sees of a node.
func (p *page) text(n ast.Node) string {
	var b strings.Builder
	_ = ast.Walk(n, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		switch t := n.(type) {
		case *ast.Text:
			if entering {
				b.Write(t.Value(p.source))
			}
		case *ast.String:
			if entering {
				b.Write(t.Value)
			}
		}
		return ast.WalkContinue, nil
	})
	return b.String()
}

// headingSlug returns the anchor that GitHub gives a heading.
func headingSlug(heading string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsLetter(r), unicode.IsDigit(r), unicode.IsMark(r), r == '-', r == '_':
			return unicode.ToLower(r)
		case r == ' ':
			return '-'
		}
		return -1
	}, heading)
}

// vendored matches pages that came with the libraries of others.
var vendored = regexp.MustCompile(`^static/lib/|/testdata/`)

// docs returns our Markdown files that are tracked, or would be, by name.
func docs(t *testing.T) map[string]*page {
	t.Helper()
	cmd := exec.Command("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", "*.md")
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("git ls-files: %v", err)
	}
	pages := map[string]*page{}
	for name := range strings.SplitSeq(strings.TrimRight(string(out), "\x00"), "\x00") {
		if vendored.MatchString(name) {
			continue
		}
		b, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
		if os.IsNotExist(err) { // deleted, and not committed yet
			continue
		} else if err != nil {
			t.Fatal(err)
		}
		pages[name] = parsePage(name, b)
	}
	if len(pages) < 2 {
		t.Fatalf("found only %d pages", len(pages))
	}
	return pages
}

// root is the folder of the module.
const root = "../../.."

// A link is a link or an image of a page.
type link struct{ target, text string }

func (p *page) links() []link {
	var links []link
	p.each(func(n ast.Node) {
		switch l := n.(type) {
		case *ast.Link:
			links = append(links, link{string(l.Destination), p.text(l)})
		case *ast.Image:
			links = append(links, link{string(l.Destination), ""})
		}
	})
	return links
}

// identifier is link text that names something in a Go file: Name, Type.Name or pkg.Type.Name.
var identifier = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*$`)

// check returns what is wrong with a link. Links to other hosts are not followed.
func (l link) check(from *page, pages map[string]*page, dir string) error {
	u, err := url.Parse(l.target)
	if err != nil {
		return err
	}
	if u.IsAbs() || u.Host != "" {
		return nil
	}
	name := from.name
	if u.Path != "" {
		name = path.Join(path.Dir(from.name), u.Path)
	}
	file := filepath.Join(dir, filepath.FromSlash(name))
	if _, err := os.Stat(file); err != nil || strings.HasPrefix(name, "..") {
		return fmt.Errorf("there is no %s", name)
	}
	if u.Fragment != "" && path.Ext(name) == ".md" && (pages[name] == nil || !pages[name].anchors[u.Fragment]) {
		return fmt.Errorf("%s has no heading with the anchor #%s", name, u.Fragment)
	}
	if path.Ext(name) != ".go" || path.Ext(l.text) == ".go" || !identifier.MatchString(l.text) {
		return nil
	}
	code, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	for part := range strings.SplitSeq(l.text, ".") {
		if !regexp.MustCompile(`\b` + part + `\b`).Match(code) {
			return fmt.Errorf("%s does not mention %s", name, part)
		}
	}
	return nil
}

// TestDocLinks follows every relative link, its anchor, and the name of the function or type that it is labelled with.
func TestDocLinks(t *testing.T) {
	t.Parallel()
	pages := docs(t)
	for _, p := range pages {
		for _, l := range p.links() {
			if err := l.check(p, pages, root); err != nil {
				t.Errorf("%s: link to %s: %v", p.name, l.target, err)
			}
		}
	}
}

// TestDocLayout holds pages, lines and table cells to their limits.
func TestDocLayout(t *testing.T) {
	t.Parallel()
	for _, p := range docs(t) {
		for _, problem := range p.layout() {
			t.Errorf("%s: %s", p.name, problem)
		}
	}
}

func (p *page) layout() []string {
	var problems []string
	lines := strings.Split(strings.TrimSuffix(string(p.source), "\n"), "\n")
	limit := maxPage
	if slices.Contains(landing, p.name) {
		limit = maxLanding
	}
	if len(lines) > limit && !slices.Contains(unlimited, p.name) {
		problems = append(problems, fmt.Sprintf("%d lines, at most %d are allowed", len(lines), limit))
	}
	for i, line := range lines {
		if strings.HasPrefix(strings.TrimSpace(line), "|") {
			for cell := range strings.SplitSeq(strings.ReplaceAll(line, `\|`, ""), "|") {
				if n := utf8.RuneCountInString(strings.TrimSpace(cell)); n > maxCell {
					problems = append(problems, fmt.Sprintf("line %d: a table cell has %d characters, at most %d are allowed",
						i+1, n, maxCell))
				}
			}
			continue
		}
		if n := utf8.RuneCountInString(line); n > maxColumns && !strings.Contains(line, "://") {
			problems = append(problems, fmt.Sprintf("line %d has %d characters, at most %d are allowed", i+1, n, maxColumns))
		}
	}
	return problems
}

// TestDocChecks shows that the checks find what they are for.
func TestDocChecks(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, content := range map[string]string{
		"README.md": "x", "docs/a.md": "x", "code/a.go": "package a\n\nfunc (T) Write() {}\n",
	} {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	readme := parsePage("README.md", []byte("# A `b`: c & d\n\n## Twice\n\n## Twice\n\n## 中文 标题\n"))
	from := parsePage("docs/a.md", nil)
	pages := map[string]*page{"README.md": readme, "docs/a.md": from}
	for _, c := range []struct {
		link link
		good bool
	}{
		{link{target: "../README.md"}, true},
		{link{target: "../README.md#a-b-c--d"}, true},
		{link{target: "../README.md#twice-1"}, true},
		{link{target: "../README.md#twice-2"}, false},
		{link{target: "../README.md#中文-标题"}, true},
		{link{target: "../README.md#Twice"}, false},
		{link{target: "a.md"}, true},
		{link{target: "b.md"}, false},
		{link{target: "#nothing"}, false},
		{link{target: "../../README.md"}, false},
		{link{target: "https://example.com/nothing"}, true},
		{link{target: "../code/a.go", text: "a.T.Write"}, true},
		{link{target: "../code/a.go", text: "a.T.Wri"}, false},
		{link{target: "../code/a.go", text: "the code"}, true},
	} {
		if err := c.link.check(from, pages, dir); (err == nil) != c.good {
			t.Errorf("%+v: %v", c.link, err)
		}
	}
	long := strings.Repeat("ä", maxColumns+1)
	for source, want := range map[string]int{
		long:                                  1,
		long[2:]:                              0,
		"https://" + long:                     0,
		"| " + long + " |":                    0,
		"|" + long + long + "|":               1,
		"|" + long + "|" + long:               0,
		strings.Repeat("\n", 400):             1,
		"x" + strings.Repeat("\n", 299) + "x": 0,
	} {
		if got := parsePage("docs/b.md", []byte(source)).layout(); len(got) != want {
			t.Errorf("%.40q: %q, want %d problems", source, got, want)
		}
	}
}

// TestToolchain holds the container images for CI and development, and the landing pages, to the Go version of go.mod.
func TestToolchain(t *testing.T) {
	t.Parallel()
	mod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	version := regexp.MustCompile(`(?m)^go (\S+)$`).FindSubmatch(mod)
	if version == nil {
		t.Fatal("go.mod names no version of Go")
	}
	for _, name := range []string{".github/workflows/ci.yaml", ".devcontainer/devcontainer.json"} {
		b, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
		if err != nil {
			t.Error(err)
		} else if want := "golang:" + string(version[1]) + "-bookworm"; !bytes.Contains(b, []byte(want)) {
			t.Errorf("%s does not use %s", name, want)
		}
	}
	release := regexp.MustCompile(`^\d+\.\d+`).Find(version[1])
	for _, name := range landing {
		b, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
		if err != nil {
			t.Error(err)
		} else if want := "Go " + string(release); !bytes.Contains(b, []byte(want)) {
			t.Errorf("%s does not name %s", name, want)
		}
	}
}

// TestMetricsInDocs holds the metrics in docs/operations.md, as in its alerts, to those that the code registers.
func TestMetricsInDocs(t *testing.T) {
	t.Parallel()
	var code []byte
	for _, name := range []string{"service/metrics.go", "handler/metrics.go"} {
		b, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
		if err != nil {
			t.Fatal(err)
		}
		code = append(code, b...)
	}
	page, err := os.ReadFile(filepath.Join(root, "docs", "operations.md"))
	if err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile(`\bblinkdrive_([a-z_]+?)(?:_bucket|_sum|_count)?\b`).FindAllSubmatch(page, -1)
	if len(named) == 0 {
		t.Error("docs/operations.md names no metric")
	}
	for _, m := range named {
		if !bytes.Contains(code, []byte(`"`+string(m[1])+`"`)) {
			t.Errorf("docs/operations.md: there is no metric %s", m[0])
		}
	}
}

// TestArchitecture holds docs/architecture.md to the packages and tables that there are.
func TestArchitecture(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile(filepath.Join(root, "docs", "architecture.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range table {
		if !bytes.Contains(b, []byte("`"+r.path+"`")) {
			t.Errorf("docs/architecture.md does not name the package `%s`", r.path)
		}
	}
	files, err := filepath.Glob(filepath.Join(migrations, "sqlite", "*.up.sql"))
	if err != nil || len(files) == 0 {
		t.Fatalf("migrations: %v, %v", files, err)
	}
	for _, f := range files {
		sql, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range regexp.MustCompile(`CREATE TABLE (\w+)`).FindAllSubmatch(sql, -1) {
			if !bytes.Contains(b, name[1]) {
				t.Errorf("docs/architecture.md does not name the table %s", name[1])
			}
		}
	}
}
