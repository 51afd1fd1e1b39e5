package store

import (
	"context"
	"time"
)

// Role says what a user may do besides using the drive.
type Role string

// The roles.
const (
	RoleUser  Role = "user"
	RoleAdmin Role = "admin"
)

// UserStatus says whether a user may use the drive. It counts at each use of a token.
type UserStatus int

// The states of a user, numbered as in the original schema.
const (
	UserActive   UserStatus = 0
	UserDisabled UserStatus = 1
)

// A User owns a tree of entries. Used and Reserved are kept by the transactions that change them.
type User struct {
	ID           UserID
	Name         string // compared byte by byte
	PasswordHash string // as service wrote it; opaque here
	Email, Phone string
	Role         Role
	Status       UserStatus
	Quota        int64 // bytes
	Used         int64 // bytes of all entries, the trash included
	Reserved     int64 // bytes of open uploads
	Saved        int64 // bytes that were not sent: they were there already, see Savings
	SignupAt     time.Time
	LastActive   time.Time
}

// Users keeps accounts.
type Users interface {
	// CreateUser stores u, whose ID is ignored, and returns it with its ID. ErrExists: the name is taken.
	CreateUser(ctx context.Context, u User) (User, error)
	// User returns a user by ID, UserByName by name. ErrNotFound.
	User(ctx context.Context, id UserID) (User, error)
	UserByName(ctx context.Context, name string) (User, error)
	// ListUsers returns up to limit users whose names are greater than after, ordered by name.
	ListUsers(ctx context.Context, after string, limit int) ([]User, error)
	// UpdateUser changes what is named in c, all of it or nothing, and with a new password hash (see KeepTokens) or a
	// status other than active revokes all of the user's tokens. ErrNotFound. ErrConflict: see UserChange.
	UpdateUser(ctx context.Context, id UserID, c UserChange) error
}

// A UserChange names what to change; nil fields stay.
type UserChange struct {
	KnownHash    *string // ErrConflict unless it is that of the user's present password
	PasswordHash *string
	KeepTokens   bool // PasswordHash is another hash of the same password, so tokens stay valid
	Quota        *int64
	Status       *UserStatus
	Role         *Role
}

// A TokenHash is the SHA-256 of a token. The token itself is never stored.
type TokenHash [32]byte

// A Token lets its bearer act as a user until it expires or is revoked.
type Token struct {
	Hash    TokenHash
	User    UserID
	Scope   string // what it may be used for; "all" today
	Device  string // shown to the user, at most 255 bytes
	Created time.Time
	Expires time.Time
}

// Tokens keeps the tokens of signed-in users.
type Tokens interface {
	// AddToken stores t for a user who was found to know the password with this hash. It is durable when it returns.
	// ErrConflict: the user has another password by now. ErrNotFound: there is no such user. ErrExists: the hash is there.
	AddToken(ctx context.Context, t Token, passwordHash string) error
	// Token returns an unexpired token and its user, whatever the user's status. ErrNotFound: unknown, revoked or expired.
	Token(ctx context.Context, h TokenHash, now time.Time) (Token, User, error)
	// RevokeToken removes a token. It is no error that there is none.
	RevokeToken(ctx context.Context, h TokenHash) error
	// ExpireTokens removes the tokens that expired before now and says how many.
	ExpireTokens(ctx context.Context, now time.Time) (int, error)
	// Touch records that a user was active. It may be lost in a crash.
	Touch(ctx context.Context, id UserID, now time.Time) error
}
