package service_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/blinkdrive/blinkdrive/service"
	"github.com/blinkdrive/blinkdrive/store"
)

// busyTrees counts how many copies and searches the database is asked for at once.
type busyTrees struct {
	store.EntryTrees
	copies, searches         atomic.Int32
	mostCopies, mostSearches atomic.Int32
}

func (b *busyTrees) CopyEntry(ctx context.Context, user store.UserID, id store.EntryID, to store.CopyTo) (store.Entry, int, error) {
	atMost(&b.mostCopies, b.copies.Add(1))
	defer b.copies.Add(-1)
	return b.EntryTrees.CopyEntry(ctx, user, id, to)
}

func (b *busyTrees) SearchEntries(ctx context.Context, q store.Search) ([]store.Entry, string, error) {
	atMost(&b.mostSearches, b.searches.Add(1))
	defer b.searches.Add(-1)
	return b.EntryTrees.SearchEntries(ctx, q)
}

func atMost(most *atomic.Int32, n int32) {
	for old := most.Load(); old < n && !most.CompareAndSwap(old, n); old = most.Load() {
	}
}

// Fifty copies at once do not stand in line for the database together, where everybody else's writes would stand behind them;
// nor do searches take all connections that read.
func TestCopiesAndSearchesWait(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	trees := &busyTrees{EntryTrees: d.db}
	files := d.files()
	files.Trees = trees
	folder, err := files.MakeFolder(t.Context(), d.user.ID, store.Path{"a", "b"})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			if _, n, err := files.Copy(t.Context(), d.user.ID, service.Ref{ID: folder.ID}, service.CopyRequest{}); err != nil || n != 1 {
				t.Errorf("%d entries, %v", n, err)
			}
		})
		wg.Go(func() {
			if _, _, err := files.Search(t.Context(), d.user.ID, service.SearchQuery{Text: "b"}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if c, s := trees.mostCopies.Load(), trees.mostSearches.Load(); c != 1 || s != 1 {
		t.Errorf("%d copies and %d searches at once", c, s)
	}
}

// Few entries deep down have names that are megabytes long together: an archive of them would keep all of these in memory.
func TestArchiveOfLongNames(t *testing.T) {
	t.Parallel()
	d := newDepot(t)
	files, ctx := d.files(), t.Context()
	var deep store.Path
	for range store.MaxDepth - 2 {
		deep = append(deep, strings.Repeat("n", store.MaxName))
	}
	for i := range 30 {
		_, err := files.MakeFolder(ctx, d.user.ID, append(deep[:len(deep):len(deep)], "few", fmt.Sprint(i)))
		d.ok(err)
	}
	few, err := files.MakeFolder(ctx, d.user.ID, append(deep[:len(deep):len(deep)], "few"))
	d.ok(err)
	top, err := files.MakeFolder(ctx, d.user.ID, deep[:1])
	d.ok(err)
	ids := []store.EntryID{top.ID}
	_, err = d.downloads().Archive(ctx, d.user.ID, ids, "")
	d.ok(err)
	for range 9 {
		_, _, err := files.Copy(ctx, d.user.ID, service.Ref{ID: few.ID}, service.CopyRequest{})
		d.ok(err)
	}
	_, err = d.downloads().Archive(ctx, d.user.ID, ids, "")
	wantKind(t, "an archive of long names", err, service.TooLarge)
}
