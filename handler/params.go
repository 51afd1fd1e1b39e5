package handler

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/blinkdrive/blinkdrive/service"
	"github.com/blinkdrive/blinkdrive/store"
)

// maxForm is the longest body that is read for parameters.
const maxForm = 1 << 20

// params are the parameters of a request, from its query and, where the route has a form, from its body.
// Each name has one value: a name with two different ones is refused, wherever they stand.
type params map[string]string

// linkParams returns the parameters of a request with a link: only that there is a signature. Package service reads the
// query itself, since what other programs added to it may be malformed or repeated.
func linkParams() params { return params{"sig": "1"} }

// parseParams reads the parameters of a request.
func parseParams(r *http.Request, use bodyUse) (params, error) {
	p := params{}
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, invalid("malformed query string")
	}
	if err := p.add(query); err != nil {
		return nil, err
	}
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return p, nil
	}
	if coding := r.Header.Get("Content-Encoding"); coding != "" && !strings.EqualFold(coding, "identity") {
		return nil, invalid("a request body must not have a Content-Encoding")
	}
	if use != form {
		return p, nil
	}
	values, err := parseForm(r)
	if err != nil {
		return nil, err
	}
	return p, p.add(values)
}

func (p params) add(values url.Values) error {
	for name, vs := range values {
		for _, v := range vs {
			if old, ok := p[name]; ok && old != v {
				return invalid("parameter %.40q has two different values", name)
			}
			if !utf8.ValidString(v) {
				return invalid("parameter %.40q must be valid UTF-8", name)
			}
			p[name] = v
		}
	}
	return nil
}

// parseForm reads a body that claims to be a form. JSON is refused: its sender means it as parameters. Any other body is
// not looked at.
func parseForm(r *http.Request) (url.Values, error) {
	kind, attrs, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err == nil && (kind == "application/json" || strings.HasSuffix(kind, "+json")) {
		if n, _ := io.ReadFull(r.Body, make([]byte, 1)); n > 0 { // some programs name the type of a body that they have not
			return nil, invalid("parameters must be in the query or in a form, not in JSON")
		}
	}
	if err != nil || kind != "application/x-www-form-urlencoded" && kind != "multipart/form-data" {
		return nil, nil
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxForm+1))
	if err != nil {
		return nil, fmt.Errorf("could not read the form: %w", err)
	}
	if len(body) > maxForm {
		return nil, &service.Error{Kind: service.TooLarge, Msg: fmt.Sprintf("the form must not be larger than %d bytes", maxForm)}
	}
	if kind == "multipart/form-data" {
		return parseMultipart(body, attrs["boundary"])
	}
	values, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, invalid("malformed form")
	}
	return values, nil
}

// parseMultipart reads the plain fields of a multipart form, as a page's FormData sends it.
func parseMultipart(body []byte, boundary string) (url.Values, error) {
	values := url.Values{}
	if boundary == "" {
		return values, nil
	}
	parts := multipart.NewReader(bytes.NewReader(body), boundary)
	for {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			return values, nil
		}
		if err != nil {
			return nil, invalid("malformed form")
		}
		if part.FormName() == "" || part.FileName() != "" {
			continue
		}
		value, err := io.ReadAll(part)
		if err != nil {
			return nil, invalid("malformed form")
		}
		values.Add(part.FormName(), string(value))
	}
}

// get returns a parameter, or the empty string.
func (p params) get(name string) string { return p[name] }

// has reports whether a parameter is there, if only empty.
func (p params) has(name string) bool {
	_, ok := p[name]
	return ok
}

// need returns a parameter that must be there and not be empty.
func (p params) need(name string) (string, error) {
	if p[name] == "" {
		return "", invalid("parameter %s is required", name)
	}
	return p[name], nil
}

// integer returns a whole number in decimal; def where there is none.
func (p params) integer(name string, def int64) (int64, error) {
	if p[name] == "" {
		return def, nil
	}
	n, err := strconv.ParseInt(p[name], 10, 64)
	if err != nil {
		return 0, invalid("parameter %s must be a whole number", name)
	}
	return n, nil
}

// flag reports whether a parameter is 1; 0 and none are no.
func (p params) flag(name string) (bool, error) {
	switch p[name] {
	case "", "0":
		return false, nil
	case "1":
		return true, nil
	}
	return false, invalid("parameter %s must be 0 or 1", name)
}

// digest returns a SHA-1 in hexadecimal of either case, zero where there is none.
func (p params) digest(name string) (store.Digest, error) {
	if p[name] == "" {
		return store.Digest{}, nil
	}
	d, err := store.ParseDigest(p[name])
	if err != nil {
		return store.Digest{}, invalid("parameter %s must be 40 hexadecimal characters", name)
	}
	if d.IsZero() { // which means "not known" inside: it must not pass for a parameter that is not there
		return store.Digest{}, invalid("parameter %s must not be all zeros", name)
	}
	return d, nil
}
