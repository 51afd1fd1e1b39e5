package sqldb

import (
	"fmt"
	"testing"
	"time"

	"github.com/blinkdrive/blinkdrive/store"
)

// wide makes a user with so many files in folders of 1,000, by copying, and returns the first folder.
func wide(b *testing.B, db *DB, files int) (store.UserID, store.EntryID) {
	b.Helper()
	ctx, now := b.Context(), time.Now()
	u, err := db.CreateUser(ctx, store.User{Name: fmt.Sprint("wide", now.UnixNano()), Role: store.RoleUser, Quota: 1 << 60, SignupAt: now})
	if err != nil {
		b.Fatal(err)
	}
	first, err := db.MakeFolder(ctx, u.ID, store.Path{"folder"}, now)
	if err != nil {
		b.Fatal(err)
	}
	var cs []store.Completion
	for i := range 1000 {
		s := store.Sums{Digest: store.Digest{1, byte(i), byte(i >> 8)}, Size: 10}
		id := store.NewUploadID("n1")
		cs = append(cs, store.Completion{Upload: id, User: u.ID, Sums: s, Location: store.LocalLocation("n1", store.NewBlobName(s.Digest, id)),
			Parent: first, Name: fmt.Sprintf("Some photograph of the summer holidays %04d.JPEG", i), When: now})
	}
	if _, err := db.CompleteUploads(ctx, cs); err != nil {
		b.Fatal(err)
	}
	for range files/1000 - 1 {
		if _, _, err := db.CopyEntry(ctx, u.ID, first, store.CopyTo{Limit: 2000, When: now}); err != nil {
			b.Fatal(err)
		}
	}
	return u.ID, first
}

func benchTrees(b *testing.B, db *DB) {
	user, first := wide(b, db, 100_000)
	for _, s := range []store.Sort{store.ByName, store.Newest} {
		for name, q := range map[string]store.Search{
			"Rare": {Text: "ünfindbar"}, "Frequent": {Text: "SUMMER"}, "RareBelow": {Text: "ünfindbar", Below: first},
			"FrequentBelow": {Text: "SUMMER", Below: first},
		} {
			q.User, q.Sort, q.Limit, q.Scan = user, s, 100, 1<<40
			b.Run(fmt.Sprintf("Search/%s/%s", s, name), func(b *testing.B) {
				for b.Loop() {
					if _, _, err := db.SearchEntries(b.Context(), q); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
	top, err := db.MakeFolder(b.Context(), user, store.Path{"ten"}, time.Now())
	if err != nil {
		b.Fatal(err)
	}
	for range 10 {
		if _, _, err := db.CopyEntry(b.Context(), user, first, store.CopyTo{Folder: &store.Path{"ten"}, Limit: 2000, When: time.Now()}); err != nil {
			b.Fatal(err)
		}
	}
	b.Run("Copy10010", func(b *testing.B) {
		for b.Loop() {
			if _, _, err := db.CopyEntry(b.Context(), user, top, store.CopyTo{Limit: 20_000, When: time.Now()}); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("Below10010", func(b *testing.B) {
		for b.Loop() {
			if _, err := db.EntriesBelow(b.Context(), user, top, 20_000); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkTrees(b *testing.B) {
	db, _ := openInternal(b)
	benchTrees(b, db)
}

func BenchmarkMySQLTrees(b *testing.B) {
	s := newMySQLServer(b)
	benchTrees(b, s.open(b, b))
}
