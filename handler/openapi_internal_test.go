package handler

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"reflect"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/go-cmp/cmp"

	"github.com/blinkdrive/blinkdrive/handler/api"
)

func TestOpenAPIIsServed(t *testing.T) {
	t.Parallel()
	d := newDrive(t, nil)
	a := d.get("/openapi.json", nil)
	if a.status != http.StatusOK || a.header.Get("Content-Type") != "application/json" || a.header.Get("Etag") == "" {
		t.Fatalf("%d, %v", a.status, a.header)
	}
	doc, err := openapi3.NewLoader().LoadFromData(a.body)
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Validate(t.Context()); err != nil || doc.OpenAPI != "3.1.0" {
		t.Errorf("OpenAPI %s: %v", doc.OpenAPI, err)
	}
	if a := d.get("/openapi.json", nil, header("If-None-Match", a.header.Get("Etag"))); a.status != http.StatusNotModified {
		t.Errorf("asked with its ETag: %d", a.status)
	}
}

// A notedErrors is a test that is told of errors and does not fail.
type notedErrors struct {
	testing.TB
	errs []string
}

func (n *notedErrors) Errorf(format string, args ...any) {
	n.errs = append(n.errs, fmt.Sprintf(format, args...))
}

// TestDocumented holds that the comparison of all other tests finds what it should.
func TestDocumented(t *testing.T) {
	t.Parallel()
	const ok = `{"code":0,"msg":"OK"}`
	root := `{"code":0,"msg":"OK","data":{"FileSha1":"","FileName":"","FileSize":0,"Location":"","UploadAt":"","ID":"","ParentID":"",` +
		`"Path":"/","Kind":"folder","ModifiedAt":"","Revision":0}}`
	tests := []struct {
		what, method, target, auth string
		status                     int
		body, want                 string // want is part of the error; empty: there is none
	}{
		{"as described", "POST", "/file/mkdir?path=/", "Bearer x", 200, root, ""},
		{"a described refusal", "POST", "/file/mkdir?path=/", "Bearer x", 409, `{"code":10119,"msg":"no"}`, ""},
		{"a malformed request that is refused", "GET", "/file/query?limit=-1", "Bearer x", 400, `{"code":10001,"msg":"no"}`, ""},
		{"the same accepted", "GET", "/file/query?limit=-1", "Bearer x", 200, `[]`, "limit"},
		{"no data", "POST", "/file/mkdir?path=/", "Bearer x", 200, ok, "data"},
		{"another code", "POST", "/file/mkdir?path=/", "Bearer x", 409, `{"code":10118,"msg":"no"}`, "code"},
		{"another status", "POST", "/file/mkdir?path=/", "Bearer x", 418, ok, "status is not supported"},
		{"no required parameter", "POST", "/file/mkdir", "Bearer x", 200, root, "path is said to be required"},
		{"no credentials", "POST", "/file/mkdir?path=/", "", 200, root, "bearer"},
		{"another path", "GET", "/file/nothing", "", 200, ok, "status is not supported"},
		{"another method", "DELETE", "/file/mkdir", "", 200, ok, "status is not supported"},
		{"a field of another type", "GET", "/user/info", "Bearer x", 200, `{"code":0,"msg":"OK","data":[]}`, "data"},
		{"no JSON", "GET", "/healthz", "", 200, `<html>`, "decode"},
		{"another answer without a body", "GET", "/healthz", "", 304, "", "status is not supported"},
	}
	for _, tt := range tests {
		noted := &notedErrors{TB: t}
		h := Documented(noted, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set(api.HeaderRequestID, "1")
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(tt.status)
			_, _ = io.WriteString(w, tt.body)
		}))
		r := httptest.NewRequest(tt.method, tt.target, nil)
		if tt.auth != "" {
			r.Header.Set("Authorization", tt.auth)
		}
		h.ServeHTTP(httptest.NewRecorder(), r)
		got := strings.Join(noted.errs, "\n")
		if tt.want == "" && got != "" || !strings.Contains(got, tt.want) {
			t.Errorf("%s: got %q, want %q", tt.what, got, tt.want)
		}
	}
}

// specOperations returns the operations of openapi.yaml, by method and path as routes.go has them.
func specOperations(t *testing.T) map[string]*openapi3.Operation {
	t.Helper()
	all := map[string]*openapi3.Operation{}
	for path, item := range loadSpec(t).Paths.Map() {
		for method, op := range item.Operations() {
			all[method+" "+strings.TrimSuffix(path, "{path}")] = op
		}
	}
	return all
}

func TestOpenAPIHasAllRoutes(t *testing.T) {
	t.Parallel()
	if diff := cmp.Diff(routeNames(), slices.Sorted(maps.Keys(specOperations(t)))); diff != "" {
		t.Errorf("the operations of openapi.yaml are not the routes of routes.go (-routes +openapi):\n%s", diff)
	}
}

// TestOpenAPIHasAllCodes holds that each code has a schema, and a response with its status that some operation has.
// That an operation has all of its codes, the answers of the other tests show.
func TestOpenAPIHasAllCodes(t *testing.T) {
	t.Parallel()
	doc := loadSpec(t)
	used := map[api.Code]map[string]bool{} // statuses
	for _, op := range specOperations(t) {
		for status, response := range op.Responses.Map() {
			if media := response.Value.Content.Get("application/json"); media != nil && media.Schema != nil {
				collectCodes(media.Schema, func(c api.Code) {
					if used[c] == nil {
						used[c] = map[string]bool{}
					}
					used[c][status] = true
				})
			}
		}
	}
	described := map[api.Code]bool{}
	for _, schema := range doc.Components.Schemas {
		collectCodes(schema, func(c api.Code) { described[c] = true })
	}
	for _, code := range allCodes(t) {
		switch {
		case code == api.WrongMethod || code == api.NoSuchUser: // belong to no operation
			if !described[code] {
				t.Errorf("code %d is missing in openapi.yaml", code)
			}
		case !used[code][strconv.Itoa(code.Status())]:
			t.Errorf("no operation of openapi.yaml answers code %d with status %d", code, code.Status())
		}
		delete(described, code)
	}
	for code := range described {
		t.Errorf("openapi.yaml has code %d, which handler/api has not", code)
	}
}

// collectCodes calls found with each code that a schema of an answer allows.
func collectCodes(schema *openapi3.SchemaRef, found func(api.Code)) {
	if schema == nil || schema.Value == nil {
		return
	}
	if code := schema.Value.Properties["code"]; code != nil {
		if n, ok := code.Value.Const.(float64); ok {
			found(api.Code(n))
		}
	}
	for _, list := range []openapi3.SchemaRefs{schema.Value.OneOf, schema.Value.AllOf} {
		for _, s := range list {
			collectCodes(s, found)
		}
	}
}

// TestOpenAPIHasAllFields compares the schemas of data with the types of handler/api.
func TestOpenAPIHasAllFields(t *testing.T) {
	t.Parallel()
	doc := loadSpec(t)
	types := map[string]any{
		"Envelope": api.Envelope{}, "Signin": api.Signin{}, "UserInfo": api.UserInfo{}, "Meta": api.Meta{}, "Copied": api.Copied{},
		"QueryEntry": api.QueryEntry{}, "Purged": api.Purged{}, "Init": api.Init{}, "UploadStatus": api.UploadStatus{},
		"Missing": api.Missing{}, "Bad": api.Bad{}, "Other": api.Other{}, "Held": api.Held{}, "ChallengeRange": api.ChallengeRange{}, "Challenge": api.Challenge{},
	}
	declared := regexp.MustCompile(`(?m)^type (\w+) struct`).FindAllStringSubmatch(readSource(t, "api/types.go"), -1)
	for _, m := range declared {
		if types[m[1]] == nil {
			t.Errorf("type %s of handler/api is not compared", m[1])
		}
	}
	for name, v := range types {
		want, got := map[string]bool{}, map[string]bool{}
		jsonFields(reflect.TypeOf(v), want)
		schema := doc.Components.Schemas[name]
		if schema == nil {
			t.Errorf("openapi.yaml has no schema %s", name)
			continue
		}
		schemaFields(schema, got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("schema %s has other fields, or others are required, than the type (-type +schema):\n%s", name, diff)
		}
	}
}

// jsonFields notes the fields of a type's JSON and whether they are always there.
func jsonFields(t reflect.Type, fields map[string]bool) {
	for i := range t.NumField() {
		f := t.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous:
			jsonFields(f.Type, fields)
		case name == "":
			fields[f.Name] = options != "omitempty"
		default:
			fields[name] = options != "omitempty"
		}
	}
}

func schemaFields(schema *openapi3.SchemaRef, fields map[string]bool) {
	for _, part := range schema.Value.AllOf {
		schemaFields(part, fields)
	}
	for name := range schema.Value.Properties {
		fields[name] = fields[name] || slices.Contains(schema.Value.Required, name)
	}
}

// TestOpenAPIHasAllParameters compares the parameters of each operation with those that its handler reads, which it
// finds in the sources: so a parameter cannot be added, with or without a test, and not be described.
func TestOpenAPIHasAllParameters(t *testing.T) {
	t.Parallel()
	src := loadSources(t)
	doc, ops := loadSpec(t), specOperations(t)
	for _, r := range (&router{Server: &Server{}}).table() {
		read := src.parameters(handlerName(r))
		if read["sig"] { // package service reads the other two, which are what is signed
			read["user"], read["expires"] = true, true
		}
		for method := range strings.FieldsSeq(r.methods) {
			op := ops[method+" "+r.path]
			if op == nil {
				continue // TestOpenAPIHasAllRoutes says so
			}
			fields, described := formFields(op), map[string]bool{}
			for name := range parametersOf(pathItemOf(doc, r.path), op) {
				described[name] = true
			}
			if r.body == form && method != http.MethodGet {
				if diff := cmp.Diff(described, fields); diff != "" {
					t.Errorf("%s %s: the form is described with other parameters than the query (-query +form):\n%s", method, r.path, diff)
				}
			}
			maps.Copy(described, fields)
			if diff := cmp.Diff(read, described); diff != "" {
				t.Errorf("%s %s: openapi.yaml has other parameters than the handler reads (-handler +openapi):\n%s", method, r.path, diff)
			}
		}
	}
	if diff := cmp.Diff(map[string]bool{"username": true, "token": true}, src.parameters("findCredentials")); diff != "" {
		t.Errorf("credentials are read from other parameters than openapi.yaml has security schemes for (+read):\n%s", diff)
	}
}

func pathItemOf(doc *openapi3.T, path string) *openapi3.PathItem {
	if item := doc.Paths.Value(path); item != nil {
		return item
	}
	return doc.Paths.Value(path + "{path}")
}

// handlerName returns the method that answers a route, as in "Server.fileMeta".
func handlerName(r route) string {
	full := runtime.FuncForPC(reflect.ValueOf(r.handle).Pointer()).Name() // as in example/handler.(*Server).fileMeta-fm
	m := regexp.MustCompile(`\(\*(\w+)\)\.(\w+)-fm$`).FindStringSubmatch(full)
	return m[1] + "." + m[2]
}
