package handler

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/blinkdrive/blinkdrive/handler/api"
	"github.com/blinkdrive/blinkdrive/service"
)

// observe wraps every request: a request ID, deadlines for each piece of the bodies, a line in the log, and an answer
// even where a handler panics. What is left of a body is drained after the request was counted and logged.
func (rt *router) observe(plain http.ResponseWriter, r *http.Request) {
	start := rt.now()
	c := &call{ID: newRequestID(), Client: rt.clientAddr(r), HTTPS: rt.isHTTPS(r)}
	ctl := http.NewResponseController(plain)
	w := &response{ResponseWriter: plain, timeout: rt.writeTimeout()}
	w.renew = func() {
		_ = ctl.SetWriteDeadline(time.Now().Add(w.timeout)) // not supported: there is nobody to wait for
	}
	r, body := withPatience(plain, r, rt.readTimeout())
	defer body.end()
	w.refusing = func() { rt.drains.beforeRefusal(w.Header(), r, body) }
	rt.answer(w, r, c, start)
	rt.drains.after(ctl, w.status, r, body, c.Client)
}

// answer has a request dispatched, and counts and logs it.
func (rt *router) answer(w *response, r *http.Request, c *call, start time.Time) {
	rt.counts.under.Inc()
	defer rt.note(w, r, c, start)
	defer rt.recoverPanic(w, r, c)
	setHeaders(w.Header(), c)
	if err := rt.dispatch(w, r, c); err != nil {
		rt.fail(w, r, c, err)
	}
}

// setHeaders sets what every answer has. Pages and downloads replace the policy by their own.
func setHeaders(h http.Header, c *call) {
	h.Set(api.HeaderRequestID, c.ID)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
}

// dispatch finds the route and calls its handler when all that stands before it is in order.
func (rt *router) dispatch(w *response, r *http.Request, c *call) error {
	rows := rt.find(r.URL.Path)
	if rows == nil || rows[0].access == nodes && !rt.fromNode(r) {
		return errNoPage()
	}
	c.Route.path = rows[0].path // for the metrics, also where the method is wrong
	if rt.answerCORS(w, r, c, rows) {
		return nil
	}
	if !pick(rows, r.Method, c) {
		w.Header().Set("Allow", allowed(rows))
		return writeCode(w, api.WrongMethod, api.WrongMethod.Status(), "method not allowed: "+safeMethod(r.Method), nil)
	}
	defer c.close()
	if err := rt.prepare(r, c); err != nil {
		return err
	}
	return c.Route.handle(w, r, c)
}

// prepare reads the parameters and finds out who asks.
func (rt *router) prepare(r *http.Request, c *call) (err error) {
	body, ok := r.Body.(*patientBody)
	if ok && c.Route.body == form {
		body.renewed = false
	}
	if c.Route.access == optional && service.IsLink(r.URL.RawQuery) {
		c.Params = linkParams()
	} else if c.Params, err = parseParams(r, c.Route.body); err != nil {
		return err
	}
	if c.Route.body == streamed {
		c.form = openForm(r, c.Params)
		if ok && r.Header.Get("Authorization") == "" && c.Params.get("token") == "" {
			if err := c.form.readLeading(body); err != nil {
				return err
			}
		}
	}
	if c.creds, err = findCredentials(r, c.Params); err != nil {
		c.authErr = err
		if c.form != nil && c.form.file != nil && c.Params.get("token") == "" {
			c.authErr = unauthenticated("sign in first; in a form, the fields username and token must come before the first file")
		}
	}
	if err := rt.checkOrigin(r, c); err != nil {
		return err
	}
	return rt.authenticate(r, c)
}

func pick(rows []route, method string, c *call) bool {
	for _, row := range rows {
		if row.allows(method) {
			c.Route = row
			return true
		}
	}
	return false
}

func safeMethod(m string) string { return fmt.Sprintf("%.16q", m) }

// recoverPanic turns a panic into an answer, where there is none yet. http.ErrAbortHandler goes on: it is how a handler
// breaks the connection on purpose.
func (rt *router) recoverPanic(w *response, r *http.Request, c *call) {
	v := recover()
	if v == nil {
		return
	}
	if v == http.ErrAbortHandler {
		panic(v)
	}
	rt.log().ErrorContext(r.Context(), "panic recovered", "request_id", c.ID, "path", r.URL.Path, "panic", fmt.Sprint(v),
		"stack", string(debug.Stack()))
	if w.status != 0 {
		panic(http.ErrAbortHandler)
	}
	dropHeaders(w.Header())
	_ = writeCode(w, api.ServerError, api.ServerError.Status(), "internal error; it was logged with the request ID", nil)
}

// note counts a request that is over and writes the access log. The query is never logged: it may hold a token, a password
// or a signature.
func (rt *router) note(w *response, r *http.Request, c *call, start time.Time) {
	took := rt.now().Sub(start)
	rt.counts.under.Dec()
	rt.counts.count(c.Route, r.Method, w.status, took)
	level := slog.LevelInfo
	if strings.HasPrefix(r.URL.Path, "/static/") || r.URL.Path == "/healthz" || r.URL.Path == "/readyz" || r.URL.Path == "/metrics" ||
		c.Route.access == nodes {
		level = slog.LevelDebug
	}
	rt.log().Log(r.Context(), level, "request", "request_id", c.ID, "method", fmt.Sprintf("%.16s", r.Method), "path", r.URL.Path,
		"status", w.status, "bytes", w.bytes, "took", took, "client", c.Client, "user", c.User.Name)
}

func newRequestID() string {
	b := make([]byte, 12)
	rand.Read(b) // never fails
	return hex.EncodeToString(b)
}
