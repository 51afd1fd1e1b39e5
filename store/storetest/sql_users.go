package storetest

import (
	"strings"
	"testing"
	"time"

	"github.com/blinkdrive/blinkdrive/store"
)

// Users tests store.Users.
func Users(t *testing.T, open func(*testing.T) Database) {
	worlds(t, open, map[string]func(*world){
		"CreateThenFind":           usersCreate,
		"NameIsTaken":              usersTaken,
		"NamesAreBytes":            usersNamesAreBytes,
		"List":                     usersList,
		"Update":                   usersUpdate,
		"UpdateRevokesTokens":      usersUpdateRevokes,
		"OneOfManyCreatesTheName":  usersCreateRace,
		"UnknownUserIsNotFound":    usersUnknown,
		"QuotaMayFallBelowTheUsed": usersQuotaBelowUse,
	})
}

func usersCreate(w *world) {
	want := store.User{
		Name: "carol", PasswordHash: "hash", Email: "c@example.org", Phone: "123", Role: store.RoleAdmin,
		Status: store.UserDisabled, Quota: 77, SignupAt: w.now,
	}
	made, err := w.db.CreateUser(w.Context(), want)
	w.ok(err)
	want.ID = made.ID
	byID, err := w.db.User(w.Context(), made.ID)
	w.ok(err)
	byName, err := w.db.UserByName(w.Context(), "carol")
	w.ok(err)
	if made.ID == 0 || made != want || byID != want || byName != want {
		w.Errorf("made %+v, found %+v and %+v, want %+v", made, byID, byName, want)
	}
	if !byID.LastActive.IsZero() {
		w.Error("a new user was active")
	}
}

func usersTaken(w *world) {
	_, err := w.db.CreateUser(w.Context(), store.User{Name: "alice", Role: store.RoleUser, SignupAt: w.now})
	w.is(err, store.ErrExists)
}

func usersNamesAreBytes(w *world) {
	names := []string{"Alice", "alice ", "álice", "a\u0301lice", "ALICE", "😀"}
	for _, name := range names {
		w.user(name, 1)
	}
	for _, name := range names {
		u, err := w.db.UserByName(w.Context(), name)
		w.ok(err)
		if u.Name != name {
			w.Errorf("%q found %q", name, u.Name)
		}
	}
}

func usersList(w *world) {
	for _, name := range []string{"d", "c", "e", "B"} {
		w.user(name, 1)
	}
	var got []string
	for after := ""; ; {
		page, err := w.db.ListUsers(w.Context(), after, 2)
		w.ok(err)
		for _, u := range page {
			got = append(got, u.Name)
			after = u.Name
		}
		if len(page) < 2 {
			break
		}
	}
	if want := "B alice bob c d e"; strings.Join(got, " ") != want {
		w.Errorf("listed %q, want %q", got, want)
	}
}

func usersUpdate(w *world) {
	quota, role := int64(5), store.RoleAdmin
	w.ok(w.db.UpdateUser(w.Context(), w.alice.ID, store.UserChange{Quota: &quota, Role: &role}))
	want := w.alice
	want.Quota, want.Role = 5, store.RoleAdmin
	if got, err := w.db.User(w.Context(), w.alice.ID); err != nil || got != want {
		w.Errorf("user is %+v, %v, want %+v", got, err, want)
	}
	w.ok(w.db.UpdateUser(w.Context(), w.alice.ID, store.UserChange{}))
	if got, err := w.db.User(w.Context(), w.bob.ID); err != nil || got != w.bob {
		w.Errorf("another user changed to %+v, %v", got, err)
	}
}

func usersUpdateRevokes(w *world) {
	hash, disabled, active := "new", store.UserDisabled, store.UserActive
	quota := int64(9)
	for i, c := range []struct {
		change  store.UserChange
		revokes bool
	}{
		{store.UserChange{Quota: &quota}, false},
		{store.UserChange{Status: &active}, false},
		{store.UserChange{PasswordHash: &hash, KeepTokens: true}, false},
		{store.UserChange{PasswordHash: &hash}, true},
		{store.UserChange{Status: &disabled}, true},
		{store.UserChange{Status: &disabled, KeepTokens: true}, true},
	} {
		mine, others := token(w, w.alice, byte(2*i)), token(w, w.bob, byte(2*i+1))
		w.ok(w.db.UpdateUser(w.Context(), w.alice.ID, c.change))
		_, _, err := w.db.Token(w.Context(), mine.Hash, w.now)
		if c.revokes {
			w.is(err, store.ErrNotFound)
		} else {
			w.ok(err)
		}
		_, _, err = w.db.Token(w.Context(), others.Hash, w.now)
		w.ok(err)
	}
}

func usersCreateRace(w *world) {
	errs := together(20, func(int) error {
		_, err := w.db.CreateUser(w.Context(), store.User{Name: "one", Role: store.RoleUser, SignupAt: w.now})
		return err
	})
	if count(errs, nil) != 1 || count(errs, store.ErrExists) != 19 {
		w.Errorf("results: %v", errs)
	}
}

func usersUnknown(w *world) {
	_, err := w.db.User(w.Context(), 4711)
	w.is(err, store.ErrNotFound)
	_, err = w.db.UserByName(w.Context(), "nobody")
	w.is(err, store.ErrNotFound)
	w.is(w.db.UpdateUser(w.Context(), 4711, store.UserChange{}), store.ErrNotFound)
	w.is(w.db.AddToken(w.Context(), store.Token{User: 4711, Created: w.now, Expires: w.now}, ""), store.ErrNotFound)
	w.ok(w.db.Touch(w.Context(), 4711, w.now))
}

// An operator may take quota away. Nothing is lost, nothing more is taken.
func usersQuotaBelowUse(w *world) {
	e := w.file(w.alice, "", "big", "big", 1000)
	up := w.begin(w.alice, sums("reserved", 500))
	quota := int64(10)
	w.ok(w.db.UpdateUser(w.Context(), w.alice.ID, store.UserChange{Quota: &quota}))
	_, err := w.db.CompleteUploads(w.Context(), []store.Completion{w.completion(w.alice, "x", sums("x", 1))})
	w.is(err, store.ErrQuota)
	w.complete(w.finishing(up, sums("reserved", 500))) // was promised
	w.account(w.alice, 1500, 0)
	w.ok(w.db.Trash(w.Context(), w.alice.ID, e.ID, 0, w.now))
	w.ok(w.db.Purge(w.Context(), w.alice.ID, e.ID, w.now))
	w.account(w.alice, 500, 0)
}

// Tokens tests store.Tokens.
func Tokens(t *testing.T, open func(*testing.T) Database) {
	worlds(t, open, map[string]func(*world){
		"AddThenFind":         tokensAdd,
		"Expiry":              tokensExpiry,
		"Revoke":              tokensRevoke,
		"DisabledUserIsTold":  tokensDisabled,
		"Touch":               tokensTouch,
		"TheSameTwiceIsError": tokensTwice,
		"ChangedPassword":     tokensChangedPassword,
		"KnownHash":           tokensKnownHash,
	})
}

func token(w *world, u store.User, n byte) store.Token {
	w.Helper()
	tok := store.Token{
		Hash: store.TokenHash{0: n, 31: 0xff}, User: u.ID, Scope: "all", Device: "Firefox 🦊", Created: w.now,
		Expires: w.now.Add(time.Hour),
	}
	now, err := w.db.User(w.Context(), u.ID)
	w.ok(err)
	w.ok(w.db.AddToken(w.Context(), tok, now.PasswordHash))
	return tok
}

func tokensAdd(w *world) {
	want := token(w, w.alice, 1)
	token(w, w.alice, 2)
	token(w, w.bob, 3)
	got, user, err := w.db.Token(w.Context(), want.Hash, w.now)
	w.ok(err)
	if got != want || user != w.alice {
		w.Errorf("found %+v of %+v, want %+v", got, user, want)
	}
}

// Who has shown the old password comes too late for a token.
func tokensChangedPassword(w *world) {
	next := "new"
	w.ok(w.db.UpdateUser(w.Context(), w.alice.ID, store.UserChange{PasswordHash: &next}))
	tok := store.Token{Hash: store.TokenHash{1}, User: w.alice.ID, Created: w.now, Expires: w.now.Add(time.Hour)}
	w.is(w.db.AddToken(w.Context(), tok, w.alice.PasswordHash), store.ErrConflict)
	_, _, err := w.db.Token(w.Context(), tok.Hash, w.now)
	w.is(err, store.ErrNotFound)
	w.ok(w.db.AddToken(w.Context(), tok, next))
}

// A change by one who knows the password is none where that is another by now.
func tokensKnownHash(w *world) {
	first, second := "first", "second"
	w.ok(w.db.UpdateUser(w.Context(), w.alice.ID, store.UserChange{KnownHash: &w.alice.PasswordHash, PasswordHash: &first}))
	tok := token(w, w.alice, 1)
	err := w.db.UpdateUser(w.Context(), w.alice.ID, store.UserChange{KnownHash: &w.alice.PasswordHash, PasswordHash: &second})
	w.is(err, store.ErrConflict)
	_, u, err := w.db.Token(w.Context(), tok.Hash, w.now)
	w.ok(err)
	if u.PasswordHash != first {
		w.Errorf("the password's hash is %q", u.PasswordHash)
	}
	w.is(w.db.UpdateUser(w.Context(), 4711, store.UserChange{KnownHash: &first, PasswordHash: &second}), store.ErrNotFound)
}

func tokensExpiry(w *world) {
	tok := token(w, w.alice, 1)
	_, _, err := w.db.Token(w.Context(), tok.Hash, tok.Expires.Add(-time.Microsecond))
	w.ok(err)
	_, _, err = w.db.Token(w.Context(), tok.Hash, tok.Expires)
	w.is(err, store.ErrNotFound)
	n, err := w.db.ExpireTokens(w.Context(), tok.Expires.Add(-time.Second))
	w.ok(err)
	if n != 0 {
		w.Errorf("%d tokens expired early", n)
	}
	token(w, w.bob, 2)
	n, err = w.db.ExpireTokens(w.Context(), tok.Expires.Add(time.Second))
	w.ok(err)
	if n != 2 {
		w.Errorf("%d tokens expired, want 2", n)
	}
	_, _, err = w.db.Token(w.Context(), tok.Hash, w.now)
	w.is(err, store.ErrNotFound)
}

func tokensRevoke(w *world) {
	mine, other := token(w, w.alice, 1), token(w, w.alice, 2)
	w.ok(w.db.RevokeToken(w.Context(), mine.Hash))
	w.ok(w.db.RevokeToken(w.Context(), mine.Hash))
	_, _, err := w.db.Token(w.Context(), mine.Hash, w.now)
	w.is(err, store.ErrNotFound)
	_, _, err = w.db.Token(w.Context(), other.Hash, w.now)
	w.ok(err)
}

func tokensDisabled(w *world) {
	disabled := store.UserDisabled
	w.ok(w.db.UpdateUser(w.Context(), w.alice.ID, store.UserChange{Status: &disabled}))
	tok := token(w, w.alice, 1)
	_, u, err := w.db.Token(w.Context(), tok.Hash, w.now)
	w.ok(err)
	if u.Status != store.UserDisabled {
		w.Errorf("status is %d", u.Status)
	}
}

func tokensTouch(w *world) {
	w.ok(w.db.Touch(w.Context(), w.alice.ID, w.now))
	w.ok(w.db.Touch(w.Context(), w.alice.ID, w.now.Add(-time.Hour)))
	u, err := w.db.User(w.Context(), w.alice.ID)
	w.ok(err)
	if !u.LastActive.Equal(w.now) {
		w.Errorf("last active at %v, want %v", u.LastActive, w.now)
	}
}

func tokensTwice(w *world) {
	tok := token(w, w.alice, 1)
	w.is(w.db.AddToken(w.Context(), tok, w.alice.PasswordHash), store.ErrExists)
}
