package sqldb

import (
	"context"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/blinkdrive/blinkdrive/store"
)

// AddToken implements store.Tokens.
func (db *DB) AddToken(ctx context.Context, tok store.Token, passwordHash string) error {
	err := db.write(ctx, func(ctx context.Context, t tx) error {
		if err := t.lockPassword(ctx, tok.User, passwordHash); err != nil {
			return err
		}
		_, err := t.exec(ctx, `INSERT INTO tbl_user_token (token_hash, user_id, scope, device, created_at, expires_at)
			VALUES (?, ?, ?, ?, ?, ?)`,
			hashText(tok.Hash), tok.User, tok.Scope, tok.Device, micros(tok.Created), micros(tok.Expires))
		if t.db.dialect.duplicate(err) {
			return store.ErrExists
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("add token: %w", err)
	}
	return nil
}

// Token implements store.Tokens.
func (db *DB) Token(ctx context.Context, h store.TokenHash, now time.Time) (store.Token, store.User, error) {
	type both struct {
		token store.Token
		user  store.User
	}
	scan := func(row scanner) (b both, err error) {
		tok := &b.token
		err = row.Scan(append([]any{&tok.User, &tok.Scope, &tok.Device, timeCol{&tok.Created}, timeCol{&tok.Expires}},
			userDest(&b.user)...)...)
		return b, err
	}
	b, err := find(ctx, db, scan, `SELECT t.user_id, t.scope, t.device, t.created_at, t.expires_at, `+userColumns+`
		FROM tbl_user_token t JOIN tbl_user u ON u.id = t.user_id WHERE t.token_hash = ? AND t.expires_at > ?`,
		hashText(h), micros(now))
	if err != nil {
		return store.Token{}, store.User{}, fmt.Errorf("token: %w", err)
	}
	b.token.Hash = h
	return b.token, b.user, nil
}

// RevokeToken implements store.Tokens.
func (db *DB) RevokeToken(ctx context.Context, h store.TokenHash) error {
	_, err := db.writeRows(ctx, `DELETE FROM tbl_user_token WHERE token_hash = ?`, hashText(h))
	if err != nil {
		return fmt.Errorf("revoke token: %w", err)
	}
	return nil
}

// ExpireTokens implements store.Tokens.
func (db *DB) ExpireTokens(ctx context.Context, now time.Time) (int, error) {
	n, err := db.writeRows(ctx, `DELETE FROM tbl_user_token WHERE expires_at <= ?`, micros(now))
	if err != nil {
		return 0, fmt.Errorf("expire tokens: %w", err)
	}
	return n, nil
}

// Touch implements store.Tokens.
func (db *DB) Touch(ctx context.Context, id store.UserID, now time.Time) error {
	_, err := db.writeRows(ctx, `UPDATE tbl_user SET last_active = ?
		WHERE id = ? AND (last_active IS NULL OR last_active < ?)`, micros(now), id, micros(now))
	if err != nil {
		return fmt.Errorf("touch user %d: %w", id, err)
	}
	return nil
}

func hashText(h store.TokenHash) string { return hex.EncodeToString(h[:]) }

// writeRows is the changing method that is one statement; it says how many rows it matched.
func (db *DB) writeRows(ctx context.Context, query string, args ...any) (int, error) {
	var n int64
	err := db.write(ctx, func(ctx context.Context, t tx) (err error) {
		n, err = t.exec(ctx, query, args...)
		return err
	})
	return int(n), err
}
