package handler

import (
	"context"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/blinkdrive/blinkdrive/handler/api"
	"github.com/blinkdrive/blinkdrive/store"
	"github.com/blinkdrive/blinkdrive/store/sqldb"
)

// A downDB is a database server that can be down: for all, or for all but the tokens.
type downDB struct {
	*sqldb.DB
	tokens, rest atomic.Bool
}

func (db *downDB) Token(ctx context.Context, h store.TokenHash, now time.Time) (store.Token, store.User, error) {
	if db.tokens.Load() {
		return store.Token{}, store.User{}, store.ErrUnavailable
	}
	return db.DB.Token(ctx, h, now)
}

func (db *downDB) down() error {
	if db.rest.Load() {
		return store.ErrUnavailable
	}
	return nil
}

func (db *downDB) UserByName(ctx context.Context, name string) (store.User, error) {
	if err := db.down(); err != nil {
		return store.User{}, err
	}
	return db.DB.UserByName(ctx, name)
}

func (db *downDB) CreateUser(ctx context.Context, u store.User) (store.User, error) {
	if err := db.down(); err != nil {
		return store.User{}, err
	}
	return db.DB.CreateUser(ctx, u)
}

func (db *downDB) Entry(context.Context, store.UserID, store.EntryID) (store.Entry, error) {
	return store.Entry{}, db.down()
}

func (db *downDB) EntryByDigest(context.Context, store.UserID, store.Digest) (store.Entry, error) {
	return store.Entry{}, db.down()
}

func (db *downDB) EntryAt(context.Context, store.UserID, store.Path) (store.Entry, error) {
	return store.Entry{}, db.down()
}

func (db *downDB) List(context.Context, store.Query) ([]store.Entry, string, error) {
	return nil, "", db.down()
}

func (db *downDB) MakeFolder(context.Context, store.UserID, store.Path, time.Time) (store.EntryID, error) {
	return "", db.down()
}

func (db *downDB) Upload(context.Context, store.UserID, store.UploadID) (store.Upload, error) {
	return store.Upload{}, db.down()
}

func (db *downDB) OpenUpload(context.Context, store.UserID, store.Digest) (store.Upload, error) {
	return store.Upload{}, db.down()
}

func (db *downDB) OpenUploads(context.Context, store.UserID) ([]store.Upload, error) {
	return nil, db.down()
}

func (db *downDB) StartUpload(context.Context, store.Upload, store.UploadLimits) error {
	return db.down()
}

// A userCall is a request with its parameters.
type userCall struct {
	method, path string
	params       []string
}

// databaseCalls returns requests that need the database, of the user who has the entry.
func databaseCalls(e store.Entry) []userCall {
	id, hash := string(e.ID), e.Content.Sums.Digest.String()
	other := etagOf("other")[1:41]
	upload := string(store.NewUploadID(testNode))
	return []userCall{
		{"POST", "/user/signin", []string{"username", "bob", "password", testPassword}},
		{"POST", "/user/signup", []string{"username", "bob", "password", testPassword}},
		{"GET", "/file/meta", []string{"id", id}},
		{"GET", "/file/meta", []string{"filehash", hash}},
		{"GET", "/file/query", nil},
		{"GET", "/file/query", []string{"path", "/a"}},
		{"POST", "/file/update", []string{"op", "0", "id", id, "filename", "b"}},
		{"POST", "/file/delete", []string{"id", id}},
		{"POST", "/file/mkdir", []string{"path", "a"}},
		{"GET", "/file/trash", nil},
		{"POST", "/file/purge", nil},
		{"GET", "/file/download", []string{"id", id}},
		{"GET", "/file/downloadurl", []string{"id", id}},
		{"POST", "/file/fastupload", []string{"filehash", hash, "filename", "a"}},
		{"POST", "/file/mpupload/init", []string{"filehash", other, "filesize", "10", "filename", "a"}},
		{"POST", "/file/mpupload/init", []string{"filesize", "10", "filename", "a"}},
		{"POST", "/file/mpupload/uppart", []string{"uploadid", upload, "index", "1"}},
		{"POST", "/file/mpupload/complete", []string{"uploadid", upload}},
		{"POST", "/file/mpupload/cancel", []string{"uploadid", upload}},
		{"POST", "/file/mpupload/cancel", []string{"filehash", other}},
		{"GET", "/file/mpupload/status", []string{"uploadid", upload}},
		{"GET", "/file/mpupload/status", nil},
	}
}

// While the database is down everything that needs it is 503, never 500, and says when to come back.
func TestDatabaseIsDown(t *testing.T) {
	t.Parallel()
	db := &downDB{}
	d := newDrive(t, func(s *Server) {
		db.DB = s.Uploads.Rows.(*sqldb.DB)
		s.Accounts.Users, s.Accounts.Tokens = db, db
		s.Files.Entries, s.Downloads.Entries, s.Downloads.Users = db, db, db
		s.Uploads.Rows, s.Uploads.Entries = db, db
		s.Instant.Entries, s.Instant.Contents = db, db
	})
	p := d.join("alice")
	e := d.put(p, "", "a.bin", story)
	link := d.Downloads.Link(p.user, e, d.Downloads.DefaultLinkEnd())
	db.rest.Store(true)
	for _, tokens := range []bool{false, true} {
		db.tokens.Store(tokens)
		for _, tt := range databaseCalls(e) {
			a := d.send(tt.method, tt.path, values(tt.params...), nil, p.bearer())
			if a.status != http.StatusServiceUnavailable || a.header.Get("Retry-After") == "" {
				t.Errorf("%s %s %v: %d, %s, Retry-After %q", tt.method, tt.path, tt.params, a.status, a.body, a.header.Get("Retry-After"))
			}
		}
	}
	send(t, "GET", d.url+"/file/download?"+link, "").want(t, 503, api.Unavailable)
	if a := d.get("/", nil); a.status != 200 {
		t.Errorf("the page: %d", a.status)
	}
	db.tokens.Store(false)
	db.rest.Store(false)
	d.get("/user/info", nil, p.bearer()).want(t, 200, api.OK)
}

// A check that hangs keeps nobody from hearing which one it is.
func TestReadinessDoesNotHang(t *testing.T) {
	t.Parallel()
	d := newDrive(t, func(s *Server) {
		s.Checks = map[string]func(context.Context) error{
			"database": func(context.Context) error { return nil },
			"redis":    func(context.Context) error { <-t.Context().Done(); return nil },
		}
	})
	var state map[string]string
	d.get("/readyz", nil).want(t, 503, api.Unavailable, &state)
	if state["database"] != "ok" || state["redis"] != "failing" {
		t.Errorf("%v", state)
	}
}
