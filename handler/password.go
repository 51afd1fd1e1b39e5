package handler

import "net/http"

// changePassword ends all sessions of a user who knows the password, this one too, and answers as a sign-in does with the
// one that takes their place.
func (rt *router) changePassword(w http.ResponseWriter, r *http.Request, c *call) error {
	current, next := c.Params.get("password"), c.Params.get("newpassword")
	session, err := rt.Accounts.ChangePassword(r.Context(), c.User, current, next, c.Client, r.UserAgent())
	if err != nil {
		return err
	}
	return rt.answerSession(w, r, c, session)
}
