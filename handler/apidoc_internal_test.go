package handler

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/go-cmp/cmp"

	"github.com/blinkdrive/blinkdrive/handler/api"
)

// TestAPIPage compares the headings and the table of codes of docs/api.md with the routes and the codes.
func TestAPIPage(t *testing.T) {
	t.Parallel()
	page := readSource(t, "../docs/api.md")
	var endpoints []string
	for _, m := range regexp.MustCompile(`(?m)^### ([A-Z, ]+) (/\S*)$`).FindAllStringSubmatch(page, -1) {
		for method := range strings.SplitSeq(m[1], ", ") {
			endpoints = append(endpoints, method+" "+m[2])
		}
	}
	slices.Sort(endpoints)
	if diff := cmp.Diff(routeNames(), endpoints); diff != "" {
		t.Errorf("the endpoints of docs/api.md are not those of routes.go (-routes +page):\n%s", diff)
	}
	described := map[api.Code][]int{}
	for _, m := range regexp.MustCompile(`(?m)^\| (-?\d+) \| (\d{3}) \|`).FindAllStringSubmatch(page, -1) {
		code, status := api.Code(number(t, m[1])), number(t, m[2])
		described[code] = append(described[code], status)
	}
	want := map[api.Code][]int{}
	for _, code := range allCodes(t) {
		want[code] = []int{code.Status()}
	}
	want[api.InvalidUpload] = []int{400, 200} // a miss is no error
	if diff := cmp.Diff(want, described); diff != "" {
		t.Errorf("the codes of docs/api.md are not those of handler/api (-code.go +page):\n%s", diff)
	}
}

// TestAPIPageAgreesWithOpenAPI compares the parameters and codes in each section of docs/api.md with openapi.yaml.
func TestAPIPageAgreesWithOpenAPI(t *testing.T) {
	t.Parallel()
	doc, ops := loadSpec(t), specOperations(t)
	page := readSource(t, "../docs/api.md")
	for _, at := range regexp.MustCompile(`(?m)^### ([A-Z, ]+) (/\S*)$`).FindAllStringSubmatchIndex(page, -1) {
		methods, path := page[at[2]:at[3]], page[at[4]:at[5]]
		section, _, _ := strings.Cut(page[at[1]:], "\n#")
		for method := range strings.SplitSeq(methods, ", ") {
			op := ops[method+" "+path]
			if op == nil {
				continue // TestOpenAPIHasAllRoutes and TestAPIPage say so
			}
			described := formFields(op)
			for name := range parametersOf(pathItemOf(doc, path), op) {
				described[name] = true
			}
			if diff := cmp.Diff(described, toldParameters(section)); diff != "" {
				t.Errorf("%s %s: docs/api.md has other parameters than openapi.yaml (-openapi +page):\n%s", method, path, diff)
			}
			compareCodes(t, method+" "+path, section, op)
		}
	}
}

// toldParameters returns the names in the first column of a section's tables of parameters and fields.
func toldParameters(section string) map[string]bool {
	told := map[string]bool{}
	for _, table := range regexp.MustCompile(`(?m)^\| (?:parameter|field) \|.*\n(?:\|.*\n?)*`).FindAllString(section, -1) {
		for _, row := range strings.Split(table, "\n")[2:] {
			first, _, _ := strings.Cut(strings.TrimPrefix(row, "|"), "|")
			for _, m := range regexp.MustCompile("`(\\w+)`").FindAllStringSubmatch(first, -1) {
				told[m[1]] = true
			}
		}
	}
	return told
}

// commonCodes may be answered by any endpoint, as the page says in one place.
var commonCodes = []api.Code{api.OK, api.InvalidUpload, api.InvalidParam, api.CutOff, api.TooLarge, api.TokenInvalid, api.Forbidden,
	api.ServerError, api.Unavailable}

// compareCodes compares the codes that a section names with those of the operation.
func compareCodes(t *testing.T, name, section string, op *openapi3.Operation) {
	t.Helper()
	told := map[api.Code]bool{}
	for _, m := range regexp.MustCompile(`(?:^|[^\w-])(-[1-3]|10[01]\d\d)\b`).FindAllStringSubmatch(section, -1) {
		told[api.Code(number(t, m[1]))] = true
	}
	described := map[api.Code]bool{}
	for _, response := range op.Responses.Map() {
		if media := response.Value.Content.Get("application/json"); media != nil {
			collectCodes(media.Schema, func(c api.Code) { described[c] = true })
		}
	}
	for c := range described {
		if !told[c] && !slices.Contains(commonCodes, c) {
			t.Errorf("%s: openapi.yaml has code %d, docs/api.md has not", name, c)
		}
	}
	for c := range told {
		if !described[c] {
			t.Errorf("%s: docs/api.md has code %d, openapi.yaml has not", name, c)
		}
	}
}

// routeNames returns each method and path of the route table, sorted.
func routeNames() []string {
	var names []string
	for _, r := range (&router{Server: &Server{}}).table() {
		for _, method := range strings.Fields(r.methods) {
			names = append(names, method+" "+r.path)
		}
	}
	slices.Sort(names)
	return names
}

// allCodes reads the constants of handler/api/code.go, so that a code cannot be added without the documents.
func allCodes(t *testing.T) []api.Code {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "api/code.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var codes []api.Code
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if kind, ok := spec.Type.(*ast.Ident); ok && kind.Name == "Code" {
			codes = append(codes, codeValue(t, spec.Values[0]))
		}
		return false
	})
	if len(codes) < 30 {
		t.Fatalf("found only %d codes in code.go", len(codes))
	}
	return codes
}

// codeValue evaluates a whole number as code.go writes it.
func codeValue(t *testing.T, e ast.Expr) api.Code {
	t.Helper()
	switch e := e.(type) {
	case *ast.BasicLit:
		return api.Code(number(t, e.Value))
	case *ast.UnaryExpr:
		return -codeValue(t, e.X)
	}
	t.Fatalf("code.go has a code that is no number: %T", e)
	return 0
}

func number(t *testing.T, text string) int {
	t.Helper()
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func readSource(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
