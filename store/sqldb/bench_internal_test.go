package sqldb

import (
	"context"
	"crypto/sha1"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/blinkdrive/blinkdrive/store"
)

func benchUser(b testing.TB, db *DB) store.User {
	b.Helper()
	u, err := db.CreateUser(b.Context(), store.User{Name: "u", Role: store.RoleUser, Quota: 1 << 60})
	if err != nil {
		b.Fatal(err)
	}
	return u
}

func benchCompletion(u store.User, n int) store.Completion {
	s := store.Sums{Digest: sha1.Sum(fmt.Append(nil, n)), Size: int64(n % 1000)}
	id := store.NewUploadID("n1")
	return store.Completion{
		Upload: id, User: u.ID, Sums: s, Location: store.LocalLocation("n1", store.NewBlobName(s.Digest, id)),
		Target: store.Disk, Name: fmt.Sprintf("file %d.txt", n), When: time.Now(),
	}
}

// BenchmarkComplete is one small file after the other, each durable before the next.
func BenchmarkComplete(b *testing.B) {
	db, _ := openInternal(b)
	u := benchUser(b, db)
	n := 0
	for b.Loop() {
		n++
		if _, err := db.CompleteUploads(b.Context(), []store.Completion{benchCompletion(u, n)}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkCompleteBatch is a hundred files to a commit.
func BenchmarkCompleteBatch(b *testing.B) {
	db, _ := openInternal(b)
	u := benchUser(b, db)
	n := 0
	for b.Loop() {
		cs := make([]store.Completion, 100)
		for i := range cs {
			n++
			cs[i] = benchCompletion(u, n)
		}
		if _, err := db.CompleteUploads(b.Context(), cs); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(n), "µs/file")
}

// fill makes a folder of n files and returns it.
func fill(b *testing.B, db *DB, u store.User, n int) store.EntryID {
	b.Helper()
	id, err := db.MakeFolder(b.Context(), u.ID, store.Path{"many"}, time.Now())
	if err != nil {
		b.Fatal(err)
	}
	for at := 0; at < n; at += 1000 {
		cs := make([]store.Completion, min(1000, n-at))
		for i := range cs {
			cs[i] = benchCompletion(u, at+i)
			cs[i].Parent = id
		}
		if _, err := db.CompleteUploads(b.Context(), cs); err != nil {
			b.Fatal(err)
		}
	}
	return id
}

// BenchmarkList reads pages of 100 at the beginning and in the middle of folders of different sizes: the time must not grow.
func BenchmarkList(b *testing.B) {
	for _, n := range []int{1000, 100_000} {
		db, _ := openInternal(b)
		u := benchUser(b, db)
		parent := fill(b, db, u, n)
		for _, s := range []store.Sort{store.ByName, store.BySize, store.ByTime, store.Newest} {
			q := store.Query{User: u.ID, Parent: parent, Sort: s, Limit: 100}
			b.Run(fmt.Sprintf("%s/%d/first", s, n), func(b *testing.B) { list100(b, db, q) })
			for range 5 {
				_, q.Cursor, _ = db.List(context.Background(), q)
			}
			b.Run(fmt.Sprintf("%s/%d/sixth", s, n), func(b *testing.B) { list100(b, db, q) })
		}
	}
}

func list100(b *testing.B, db *DB, q store.Query) {
	for b.Loop() {
		if es, _, err := db.List(b.Context(), q); err != nil || len(es) != 100 {
			b.Fatal(len(es), err)
		}
	}
}

// BenchmarkTrashFolder puts a folder of 20,000 files in the trash, takes it back, and purges it.
func BenchmarkTrashFolder(b *testing.B) {
	const n = 20_000
	for b.Loop() {
		db, _ := openInternal(b)
		u := benchUser(b, db)
		id := fill(b, db, u, n)
		timed := func(what string, fn func() error) {
			begun := time.Now()
			if err := fn(); err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(time.Since(begun).Microseconds())/n, what)
		}
		timed("µs/trash", func() error { return db.Trash(b.Context(), u.ID, id, 0, time.Now()) })
		timed("µs/restore", func() error { _, err := db.Restore(b.Context(), u.ID, id, time.Now()); return err })
		if err := db.Trash(b.Context(), u.ID, id, 0, time.Now()); err != nil {
			b.Fatal(err)
		}
		timed("µs/purge", func() error { return db.Purge(b.Context(), u.ID, id, time.Now()) })
	}
}

// BenchmarkCompleteTogether is many small files at once, each durable before its caller goes on.
func BenchmarkCompleteTogether(b *testing.B) {
	db, _ := openInternal(b)
	u := benchUser(b, db)
	var n atomic.Int64
	b.SetParallelism(8)
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			if _, err := db.CompleteUploads(b.Context(), []store.Completion{benchCompletion(u, int(n.Add(1)))}); err != nil {
				b.Error(err)
			}
		}
	})
}

// BenchmarkToken is what each request pays to know who asks.
func BenchmarkToken(b *testing.B) {
	db, _ := openInternal(b)
	u := benchUser(b, db)
	tok := store.Token{Hash: store.TokenHash{1}, User: u.ID, Scope: "all", Device: "bench", Created: time.Now(),
		Expires: time.Now().Add(time.Hour)}
	if err := db.AddToken(b.Context(), tok, u.PasswordHash); err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context()) // as a request's
	defer cancel()
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := db.Token(ctx, tok.Hash, time.Now()); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkLink is an instant upload: one more entry of a content that is there.
func BenchmarkLink(b *testing.B) {
	db, _ := openInternal(b)
	u := benchUser(b, db)
	c := benchCompletion(u, 1)
	if _, err := db.CompleteUploads(b.Context(), []store.Completion{c}); err != nil {
		b.Fatal(err)
	}
	n := store.NewEntry{User: u.ID, Digest: c.Sums.Digest, Size: c.Sums.Size, When: time.Now()}
	for i := 0; b.Loop(); i++ {
		n.Name = fmt.Sprintf("link %d.txt", i)
		if _, err := db.LinkContent(b.Context(), n); err != nil {
			b.Fatal(err)
		}
	}
}
