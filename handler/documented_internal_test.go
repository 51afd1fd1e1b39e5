package handler

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"

	"github.com/blinkdrive/blinkdrive/handler/api"
)

// openAPISpec loads openapi.yaml once for all tests.
var openAPISpec = sync.OnceValues(func() (*openapi3.T, error) {
	return openapi3.NewLoader().LoadFromData([]byte(api.OpenAPI))
})

func loadSpec(t testing.TB) *openapi3.T {
	t.Helper()
	doc, err := openAPISpec()
	if err != nil {
		t.Fatalf("openapi.yaml: %v", err)
	}
	return doc
}

// Documented wraps a server's handler and reports, as errors of the test, answers that openapi.yaml does not describe.
// Requests are compared only if they succeeded: what the drive accepts must be described, and tests send malformed
// requests on purpose.
func Documented(t testing.TB, h http.Handler) http.Handler {
	t.Helper()
	doc := loadSpec(t)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x := &exchange{doc: doc, request: r}
		// The server looks at the body of its own request, so that one stays as it is.
		seen := r.WithContext(r.Context())
		if r.Body != nil && r.Body != http.NoBody {
			seen.Body = teeBody{io.TeeReader(r.Body, &x.sent), r.Body}
		}
		x.answer = &recorder{ResponseWriter: w}
		h.ServeHTTP(x.answer, seen) // a panic breaks the connection: then there is no whole answer to compare
		if r.Context().Err() != nil {
			return // the client has left, and what it is told is seen by no one
		}
		if err := errors.Join(x.compare()...); err != nil {
			t.Errorf("openapi.yaml and the answer %d to %s %s differ: %v", x.answer.status, r.Method, r.URL, err)
		}
	})
}

type teeBody struct {
	io.Reader
	io.Closer
}

// A cappedBuffer keeps the first bytes that are written to it.
type cappedBuffer struct{ bytes.Buffer }

const maxRecorded = 4 << 20

func (b *cappedBuffer) Write(p []byte) (int, error) {
	b.Buffer.Write(p[:min(len(p), max(0, maxRecorded-b.Len()))])
	return len(p), nil
}

// A recorder keeps what is answered.
type recorder struct {
	http.ResponseWriter
	status int
	header http.Header
	body   cappedBuffer
}

func (w *recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *recorder) WriteHeader(status int) {
	if w.status == 0 && status >= 200 {
		w.status, w.header = status, w.Header().Clone()
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *recorder) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.status, w.header = http.StatusOK, w.Header().Clone()
	}
	w.body.Write(p)
	return w.ResponseWriter.Write(p)
}

// ReadFrom keeps sendfile working. What it copies is a file's bytes, which no schema describes.
func (w *recorder) ReadFrom(src io.Reader) (int64, error) {
	if w.status == 0 {
		w.status, w.header = http.StatusOK, w.Header().Clone()
	}
	return io.Copy(w.ResponseWriter, src)
}

// An exchange is one request and its answer.
type exchange struct {
	doc     *openapi3.T
	request *http.Request
	sent    cappedBuffer
	answer  *recorder
}

// compare returns how the exchange differs from the document.
func (x *exchange) compare() []error {
	r, status := x.request, x.answer.status
	if r.Method == http.MethodOptions && status == http.StatusNoContent {
		return nil // a preflight, which is the browser's affair
	}
	path, item := x.pathItem()
	if item == nil {
		return x.answeredAs(nil, "NotFound")
	}
	method := r.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	op := item.GetOperation(method)
	if op == nil {
		return x.answeredAs(item, "WrongMethod", "NotFound")
	}
	in := x.input(path, item, op, method)
	errs := []error{x.compareAnswer(in)}
	if status < 400 {
		errs = append(errs, x.compareRequest(in)...)
	}
	return errs
}

// pathItem finds the path of the document that a request is for. Only that of the page's files stands for several.
func (x *exchange) pathItem() (string, *openapi3.PathItem) {
	const files = "/static/"
	path := x.request.URL.Path
	if strings.HasPrefix(path, files) {
		path = "/static/{path}"
	}
	return path, x.doc.Paths.Value(path)
}

// input is what the library wants to know. The request is a copy in which each parameter stands once, and none that is
// empty: to the drive an empty parameter is one that is not there.
func (x *exchange) input(path string, item *openapi3.PathItem, op *openapi3.Operation, method string) *openapi3filter.RequestValidationInput {
	r := x.request.Clone(context.Background())
	r.Method = method
	r.URL.RawQuery = given(r.URL.Query()).Encode()
	r.Body = io.NopCloser(bytes.NewReader(x.sent.Bytes()))
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind == urlencoded {
		form, _ := url.ParseQuery(x.sent.String())
		r.Body = io.NopCloser(strings.NewReader(given(form).Encode()))
	}
	r.GetBody = nil
	return &openapi3filter.RequestValidationInput{
		Request:     r,
		QueryParams: r.URL.Query(),
		PathParams:  map[string]string{"path": strings.TrimPrefix(r.URL.Path, "/static/")},
		Route:       &routers.Route{Spec: x.doc, Path: path, PathItem: item, Method: method, Operation: op},
		Options: &openapi3filter.Options{
			IncludeResponseStatus: true, MultiError: true, SkipSettingDefaults: true,
			AuthenticationFunc: x.authenticated,
		},
	}
}

const urlencoded = "application/x-www-form-urlencoded"

func given(values url.Values) url.Values {
	once := url.Values{}
	for name, vs := range values {
		if vs[0] != "" {
			once.Set(name, vs[0])
		}
	}
	return once
}

// compareAnswer compares an answer with the responses of its operation.
func (x *exchange) compareAnswer(in *openapi3filter.RequestValidationInput) error {
	out := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: in, Status: x.answer.status, Header: x.answer.header, Options: in.Options,
	}
	out.SetBodyBytes(x.answer.body.Bytes())
	if x.request.Method == http.MethodHead || x.answer.header.Get("Content-Encoding") != "" {
		options := *in.Options
		options.ExcludeResponseBody = true
		out.Options = &options
	}
	if x.answer.status == http.StatusNotModified { // which the library does not look at
		return x.notModified(in.Route.Operation)
	}
	return openapi3filter.ValidateResponse(context.Background(), out)
}

func (x *exchange) notModified(op *openapi3.Operation) error {
	if op.Responses.Status(http.StatusNotModified) == nil {
		return errors.New("status is not supported")
	}
	if x.answer.header.Get("ETag") == "" {
		return errors.New("a 304 without an ETag")
	}
	return nil
}

// answeredAs compares an answer that belongs to no operation with the named responses of the document.
func (x *exchange) answeredAs(item *openapi3.PathItem, names ...string) []error {
	statuses := map[string]string{"NotFound": "404", "WrongMethod": "405"}
	responses := &openapi3.Responses{}
	for _, name := range names {
		responses.Set(statuses[name], x.doc.Components.Responses[name])
	}
	op := &openapi3.Operation{Responses: responses}
	return []error{x.compareAnswer(x.input(x.request.URL.Path, item, op, http.MethodGet))}
}

// compareRequest compares a request that the drive accepted with its operation.
func (x *exchange) compareRequest(in *openapi3filter.RequestValidationInput) []error {
	op, item := in.Route.Operation, in.Route.PathItem
	form, kind := x.form()
	options := *in.Options
	options.ExcludeRequestBody = kind != urlencoded
	in.Options = &options
	errs := []error{openapi3filter.ValidateRequest(context.Background(), in)}
	if body := op.RequestBody; body != nil && x.sent.Len() > 0 && kind != "" && body.Value.Content.Get(kind) == nil {
		errs = append(errs, fmt.Errorf("a body of type %s is not described", kind))
	}
	known := parametersOf(item, op)
	for name, p := range known {
		if p.Extensions["x-required"] == true && in.QueryParams.Get(name) == "" && form.Get(name) == "" {
			errs = append(errs, fmt.Errorf("parameter %s is said to be required, and was not", name))
		}
	}
	return errs
}

// form returns the plain fields of the request's form, and the type of its body.
func (x *exchange) form() (url.Values, string) {
	kind, attrs, err := mime.ParseMediaType(x.request.Header.Get("Content-Type"))
	if err != nil {
		return nil, ""
	}
	switch kind {
	case urlencoded:
		form, _ := url.ParseQuery(x.sent.String())
		return given(form), kind
	case "multipart/form-data":
		form := url.Values{}
		for parts := multipart.NewReader(bytes.NewReader(x.sent.Bytes()), attrs["boundary"]); ; {
			part, err := parts.NextPart()
			if err != nil {
				return form, kind
			}
			if part.FileName() == "" {
				value, _ := io.ReadAll(part)
				form.Set(part.FormName(), string(value))
			}
		}
	}
	return nil, kind
}

// parametersOf returns the parameters of an operation in the query, by name.
func parametersOf(item *openapi3.PathItem, op *openapi3.Operation) map[string]*openapi3.Parameter {
	named := map[string]*openapi3.Parameter{}
	for _, list := range []openapi3.Parameters{item.Parameters, op.Parameters} {
		for _, p := range list {
			if p.Value.In == openapi3.ParameterInQuery {
				named[p.Value.Name] = p.Value
			}
		}
	}
	return named
}

// formFields returns the names of the fields that an operation's form may have.
func formFields(op *openapi3.Operation) map[string]bool {
	fields := map[string]bool{}
	if op.RequestBody == nil {
		return fields
	}
	for _, media := range op.RequestBody.Value.Content {
		if media.Schema != nil {
			for name := range media.Schema.Value.Properties {
				fields[name] = true
			}
		}
	}
	return fields
}

// authenticated reports whether a request has a credential of a security scheme. Whether it is a good one, the drive
// has decided.
func (x *exchange) authenticated(_ context.Context, in *openapi3filter.AuthenticationInput) error {
	r, scheme := in.RequestValidationInput.Request, in.SecurityScheme
	form, _ := x.form()
	ok := false
	switch {
	case scheme.Type == "http":
		got, _, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		ok = strings.EqualFold(got, scheme.Scheme)
	case scheme.In == openapi3.ParameterInCookie:
		_, err := r.Cookie(scheme.Name)
		ok = err == nil
	default:
		ok = r.URL.Query().Get(scheme.Name) != "" || form.Get(scheme.Name) != ""
	}
	if !ok {
		return errors.New("the request has no " + in.SecuritySchemeName)
	}
	return nil
}
