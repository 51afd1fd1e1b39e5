package handler

import (
	"net/http"
	"time"

	"github.com/blinkdrive/blinkdrive/handler/api"
	"github.com/blinkdrive/blinkdrive/service"
	"github.com/blinkdrive/blinkdrive/store"
)

func (s *Server) signup(w http.ResponseWriter, r *http.Request, c *call) error {
	if err := s.Accounts.Signup(r.Context(), c.Params.get("username"), c.Params.get("password")); err != nil {
		return err
	}
	return writeOK(w, nil)
}

func (rt *router) signin(w http.ResponseWriter, r *http.Request, c *call) error {
	name, password := c.Params.get("username"), c.Params.get("password")
	session, err := rt.Accounts.Signin(r.Context(), name, password, c.Client, r.UserAgent())
	if err != nil {
		return err
	}
	return rt.answerSession(w, r, c, session)
}

// answerSession gives a token to whoever has just earned it.
func (rt *router) answerSession(w http.ResponseWriter, r *http.Request, c *call, session service.Session) error {
	// A page of another origin gets a token to hold, and no cookie.
	if rt.sameOrigin(r) {
		setCookie(w, c, session.Token, session.Expires.Sub(rt.now()))
	}
	entry := rt.entryPoint(r)
	return writeOK(w, api.Signin{Username: session.User.Name, Token: session.Token,
		UploadEntry: entry, DownloadEntry: entry, Location: "/"})
}

func (s *Server) signout(w http.ResponseWriter, r *http.Request, c *call) error {
	if err := s.Accounts.Signout(r.Context(), c.creds.token); err != nil {
		return err
	}
	setCookie(w, c, "", 0)
	return writeOK(w, nil)
}

func (s *Server) userInfo(w http.ResponseWriter, r *http.Request, c *call) error {
	return writeOK(w, userInfo(c.User))
}

func userInfo(u store.User) api.UserInfo {
	return api.UserInfo{
		Username: u.Name, Email: u.Email, Phone: u.Phone,
		SignupAt: timestamp(u.SignupAt), LastActiveAt: timestamp(u.LastActive),
		Status: int(u.Status), Quota: u.Quota, Used: u.Used, Reserved: u.Reserved,
		BytesSaved: u.Saved,
	}
}

// timestamp writes a time as old clients read it, and nothing for no time.
func timestamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(api.TimeLayout)
}
