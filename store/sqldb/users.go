package sqldb

import (
	"context"
	"fmt"

	"github.com/blinkdrive/blinkdrive/store"
)

const userColumns = `u.id, u.user_name, u.user_pwd, u.email, u.phone, u.role, u.status, u.quota, u.used, u.reserved,
	u.saved, u.signup_at, u.last_active`

func userDest(u *store.User) []any {
	return []any{&u.ID, &u.Name, &u.PasswordHash, &u.Email, &u.Phone, &u.Role, &u.Status, &u.Quota, &u.Used, &u.Reserved,
		&u.Saved, timeCol{&u.SignupAt}, timeCol{&u.LastActive}}
}

func scanUser(row scanner) (u store.User, err error) {
	err = row.Scan(userDest(&u)...)
	return u, err
}

// CreateUser implements store.Users.
func (db *DB) CreateUser(ctx context.Context, u store.User) (store.User, error) {
	err := db.write(ctx, func(ctx context.Context, t tx) error {
		id, err := t.insert(ctx, `INSERT INTO tbl_user
			(user_name, user_pwd, email, phone, role, status, quota, used, reserved, change_seq, signup_at, last_active)
			VALUES (?, ?, ?, ?, ?, ?, ?, 0, 0, 0, ?, ?)`,
			u.Name, u.PasswordHash, u.Email, u.Phone, string(u.Role), int(u.Status), u.Quota,
			micros(u.SignupAt), optMicros(u.LastActive))
		if t.db.dialect.duplicate(err) {
			return store.ErrExists
		}
		if err != nil {
			return err
		}
		u, err = first(ctx, t, scanUser, `SELECT `+userColumns+` FROM tbl_user u WHERE u.id = ?`, id)
		return err
	})
	if err != nil {
		return store.User{}, fmt.Errorf("create user: %w", err)
	}
	return u, nil
}

// User implements store.Users.
func (db *DB) User(ctx context.Context, id store.UserID) (store.User, error) {
	u, err := find(ctx, db, scanUser, `SELECT `+userColumns+` FROM tbl_user u WHERE u.id = ?`, id)
	if err != nil {
		return u, fmt.Errorf("user %d: %w", id, err)
	}
	return u, nil
}

// UserByName implements store.Users.
func (db *DB) UserByName(ctx context.Context, name string) (store.User, error) {
	u, err := find(ctx, db, scanUser, `SELECT `+userColumns+` FROM tbl_user u WHERE u.user_name = ?`, name)
	if err != nil {
		return u, fmt.Errorf("user by name: %w", err)
	}
	return u, nil
}

// ListUsers implements store.Users.
func (db *DB) ListUsers(ctx context.Context, after string, limit int) ([]store.User, error) {
	users, err := list(ctx, db, scanUser, `SELECT `+userColumns+` FROM tbl_user u
		WHERE u.user_name > ? ORDER BY u.user_name LIMIT ?`, after, limit)
	if err != nil {
		return nil, fmt.Errorf("list users: %w", err)
	}
	return users, nil
}

// UpdateUser implements store.Users.
func (db *DB) UpdateUser(ctx context.Context, id store.UserID, c store.UserChange) error {
	err := db.write(ctx, func(ctx context.Context, t tx) error {
		if c.KnownHash != nil {
			if err := t.lockPassword(ctx, id, *c.KnownHash); err != nil {
				return err
			}
		}
		// COALESCE keeps what c does not name.
		err := t.one(ctx, store.ErrNotFound, `UPDATE tbl_user SET user_pwd = COALESCE(?, user_pwd),
			quota = COALESCE(?, quota), status = COALESCE(?, status), role = COALESCE(?, role) WHERE id = ?`,
			c.PasswordHash, c.Quota, (*int)(c.Status), (*string)(c.Role), id)
		if err != nil {
			return err
		}
		newPassword := c.PasswordHash != nil && !c.KeepTokens
		if !newPassword && (c.Status == nil || *c.Status == store.UserActive) {
			return nil
		}
		_, err = t.exec(ctx, `DELETE FROM tbl_user_token WHERE user_id = ?`, id)
		return err
	})
	if err != nil {
		return fmt.Errorf("update user %d: %w", id, err)
	}
	return nil
}

// lockUser keeps other transactions from changing the user and the user's tree until this one ends.
// ErrNotFound: there is no such user.
func (t tx) lockUser(ctx context.Context, id store.UserID) error {
	var n int64
	err := t.get(ctx, `SELECT id FROM tbl_user WHERE id = ?`+t.db.dialect.forUpdate, []any{id}, &n)
	if err != nil {
		return fmt.Errorf("user %d: %w", id, err)
	}
	return nil
}

// lockPassword is lockUser of one whose password has this hash. ErrConflict: it has another.
func (t tx) lockPassword(ctx context.Context, id store.UserID, hash string) error {
	var now string
	err := t.get(ctx, `SELECT user_pwd FROM tbl_user WHERE id = ?`+t.db.dialect.forUpdate, []any{id}, &now)
	if err != nil {
		return fmt.Errorf("user %d: %w", id, err)
	}
	if now != hash {
		return fmt.Errorf("password of user %d was changed: %w", id, store.ErrConflict)
	}
	return nil
}

// nextChange counts a change of the user's tree and returns its number.
func (t tx) nextChange(ctx context.Context, id store.UserID) (int64, error) {
	err := t.one(ctx, store.ErrNotFound, `UPDATE tbl_user SET change_seq = change_seq + 1 WHERE id = ?`, id)
	if err != nil {
		return 0, fmt.Errorf("user %d: %w", id, err)
	}
	var seq int64
	err = t.get(ctx, `SELECT change_seq FROM tbl_user WHERE id = ?`, []any{id}, &seq)
	if t.changes != nil {
		t.changes[id] = seq
	}
	return seq, err
}

// charge adds to what the user uses. ErrQuota: it would be more than allowed.
func (t tx) charge(ctx context.Context, id store.UserID, size int64) error {
	return t.one(ctx, store.ErrQuota, `UPDATE tbl_user SET used = used + ?
		WHERE id = ? AND quota - used - reserved >= ?`, size, id, size)
}

// discharge takes back what was charged. It never goes below nothing, whatever the counts were: a wrong count must
// not keep anybody from deleting; fsck mends it.
func (t tx) discharge(ctx context.Context, id store.UserID, size int64) error {
	_, err := t.exec(ctx, `UPDATE tbl_user SET used = CASE WHEN used > ? THEN used - ? ELSE 0 END WHERE id = ?`,
		size, size, id)
	return err
}

// reserve sets quota aside for an upload. ErrQuota.
func (t tx) reserve(ctx context.Context, id store.UserID, size int64) error {
	return t.one(ctx, store.ErrQuota, `UPDATE tbl_user SET reserved = reserved + ?
		WHERE id = ? AND quota - used - reserved >= ?`, size, id, size)
}

// settle gives a reservation back and charges what became of it, which was allowed when it was reserved.
func (t tx) settle(ctx context.Context, id store.UserID, reserved, used int64) error {
	_, err := t.exec(ctx, `UPDATE tbl_user SET used = used + ?,
		reserved = CASE WHEN reserved > ? THEN reserved - ? ELSE 0 END WHERE id = ?`, used, reserved, reserved, id)
	return err
}
