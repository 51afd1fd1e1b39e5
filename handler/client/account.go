package client

import (
	"context"
	"net/http"
	"net/url"

	"github.com/blinkdrive/blinkdrive/handler/api"
)

// Signup makes an account. It signs nobody in.
func (c *Client) Signup(ctx context.Context, username, password string) error {
	form := url.Values{"username": {username}, "password": {password}}
	return c.ask(ctx, call{method: http.MethodPost, path: "/user/signup", form: form}, nil)
}

// Signin gets a token and has later calls use it.
func (c *Client) Signin(ctx context.Context, username, password string) (api.Signin, error) {
	var s api.Signin
	form := url.Values{"username": {username}, "password": {password}}
	if err := c.ask(ctx, call{method: http.MethodPost, path: "/user/signin", form: form}, &s); err != nil {
		return api.Signin{}, err
	}
	c.SetToken(s.Token)
	return s, nil
}

// Signout has the drive forget the token, and then forgets it here.
func (c *Client) Signout(ctx context.Context) error {
	if err := c.ask(ctx, call{method: http.MethodPost, path: "/user/signout", form: url.Values{}}, nil); err != nil {
		return err
	}
	c.SetToken("")
	return nil
}

// ChangePassword gives the user another password. All sessions end; later calls use the token of a new one.
func (c *Client) ChangePassword(ctx context.Context, current, next string) error {
	var s api.Signin
	form := url.Values{"password": {current}, "newpassword": {next}}
	if err := c.ask(ctx, call{method: http.MethodPost, path: "/user/password", form: form}, &s); err != nil {
		return err
	}
	c.SetToken(s.Token)
	return nil
}

// Info returns what the drive knows of the user.
func (c *Client) Info(ctx context.Context) (api.UserInfo, error) {
	var u api.UserInfo
	err := c.ask(ctx, call{method: http.MethodGet, path: "/user/info", again: true}, &u)
	return u, err
}
