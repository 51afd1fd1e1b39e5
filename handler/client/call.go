package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/blinkdrive/blinkdrive/handler/api"
)

// maxAnswer bounds what is read of an answer that is not a file.
const maxAnswer = 64 << 20

// A call is one request whose answer is small.
type call struct {
	method  string
	path    string
	query   url.Values
	form    url.Values    // the body, unless body is set
	body    *sectionBody  // raw bytes
	again   bool          // repeating it is harmless: trouble on the way is waited out
	patient time.Duration // instead of Options.Stall
}

// An answer is what came back, with a status of whatever kind.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// do makes a call. An answer that is no success is an *Error.
func (c *Client) do(ctx context.Context, k call) (answer, error) {
	if !k.again {
		return c.once(ctx, k)
	}
	var a answer
	err := c.retry(ctx, func() (err error) {
		a, err = c.once(ctx, k)
		return err
	})
	return a, err
}

func (c *Client) once(ctx context.Context, k call) (answer, error) {
	stall := c.opts.Stall
	if k.patient > 0 {
		stall = k.patient
	}
	dog := watch(ctx, stall)
	defer dog.stop()
	req, err := c.request(dog.ctx, k)
	if err != nil {
		return answer{}, err
	}
	if k.body != nil {
		k.body.dog = dog
		k.body.attach(req)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return answer{}, k.explain(dog.explain(err))
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(dog.reader(resp.Body), maxAnswer))
	if err != nil {
		return answer{}, fmt.Errorf("%s: could not read the response: %w", k.path, dog.explain(err))
	}
	a := answer{resp.StatusCode, resp.Header, body}
	return a, a.failure()
}

// explain tells a source that could not be read from a connection that failed.
func (k call) explain(err error) error {
	if k.body != nil && k.body.failed() != nil {
		return k.body.failed()
	}
	// The URL may hold more than a log should; the path is enough.
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err
	}
	return fmt.Errorf("%s: %w", k.path, err)
}

func (c *Client) request(ctx context.Context, k call) (*http.Request, error) {
	u := c.base.JoinPath(k.path)
	u.RawQuery = k.query.Encode()
	var body io.Reader
	if k.form != nil {
		body = strings.NewReader(k.form.Encode())
	}
	req, err := http.NewRequestWithContext(ctx, k.method, u.String(), body)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", k.path, err)
	}
	if k.form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	c.sign(req)
	return req, nil
}

func (c *Client) sign(req *http.Request) {
	req.Header.Set("User-Agent", c.opts.UserAgent)
	if req.Header.Get("Accept") == "" {
		req.Header.Set("Accept", "application/json, text/plain;q=0.9, */*;q=0.1")
	}
	if t := c.Token(); t != "" {
		req.Header.Set("Authorization", "Bearer "+t)
	}
}

// failure returns the answer as an *Error, or nil if its status is a success. An answer with status 200 and a code that
// is not 0 (a miss, a challenge) is no failure here.
func (a answer) failure() error {
	if a.status >= 200 && a.status < 300 {
		return nil
	}
	e := &Error{
		Code: api.ServerError, Status: a.status, Msg: "unexpected response: " + http.StatusText(a.status),
		RequestID: a.header.Get(api.HeaderRequestID), RetryAfter: retryAfter(a.header, time.Now()),
	}
	env, err := parseEnvelope(a.body)
	if err != nil || env.Code == api.OK {
		return e
	}
	e.Code, e.Msg = env.Code, env.Msg
	e.detail(env.Data)
	return e
}

// detail reads what the data of a refusal says; anything else in it does not matter.
func (e *Error) detail(data json.RawMessage) {
	var d struct {
		Missing, Bad []int
		UploadID     string
	}
	if json.Unmarshal(data, &d) == nil {
		e.Missing, e.Bad, e.UploadID = d.Missing, d.Bad, d.UploadID
	}
}

// parseEnvelope reads the envelope that most answers come in.
func parseEnvelope(body []byte) (api.Envelope, error) {
	var e struct {
		Code *api.Code       `json:"code"`
		Msg  string          `json:"msg"`
		Data json.RawMessage `json:"data"`
	}
	if err := json.Unmarshal(body, &e); err != nil {
		return api.Envelope{}, fmt.Errorf("not a response of a Blinkdrive server: %w", err)
	}
	if e.Code == nil {
		return api.Envelope{}, errors.New("not a response of a Blinkdrive server: it has no code")
	}
	return api.Envelope{Code: *e.Code, Msg: e.Msg, Data: e.Data}, nil
}

// enveloped reads the envelope of a success and its data into v, unless v is nil. A code other than 0 comes back as it is.
func (a answer) enveloped(v any) (api.Envelope, error) {
	env, err := parseEnvelope(a.body)
	if err != nil || env.Code != api.OK || v == nil {
		return env, err
	}
	if len(env.Data) == 0 || bytes.Equal(env.Data, []byte("null")) {
		return env, nil
	}
	if err := json.Unmarshal(env.Data, v); err != nil {
		return env, fmt.Errorf("data of the response: %w", err)
	}
	return env, nil
}

// ask makes a call that is answered by an envelope with code 0 and reads its data into v, unless v is nil.
func (c *Client) ask(ctx context.Context, k call, v any) error {
	a, err := c.do(ctx, k)
	if err != nil {
		return err
	}
	env, err := a.enveloped(v)
	if err != nil {
		return fmt.Errorf("%s: %w", k.path, err)
	}
	if env.Code != api.OK {
		return a.refused(env)
	}
	return nil
}

// refused makes an error of an answer with status 200 whose code says that it is no success.
func (a answer) refused(env api.Envelope) *Error {
	e := &Error{Code: env.Code, Status: a.status, Msg: env.Msg, RequestID: a.header.Get(api.HeaderRequestID)}
	e.detail(env.Data)
	return e
}

// bare makes a call that is answered by JSON without an envelope.
func (c *Client) bare(ctx context.Context, k call, v any) (http.Header, error) {
	a, err := c.do(ctx, k)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(a.body, v); err != nil {
		return nil, fmt.Errorf("%s: not a response of a Blinkdrive server: %w", k.path, err)
	}
	return a.header, nil
}
