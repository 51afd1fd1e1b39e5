package service

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/blinkdrive/blinkdrive/store"
)

// MaxFormFiles is how many files one form may bring.
const MaxFormFiles = 10_000

// A Form takes whole files of unknown length, as a browser's form brings them. They become visible together, at Commit, or
// not at all. It is used by one goroutine.
type Form struct {
	Modified time.Time // of the file that is added next; zero where nobody knows

	uploads *Uploads
	user    store.User
	folder  store.Path
	base    store.EntryID // the deepest folder of that path that existed when the form began; empty: the root
	depth   int           // how many names of the path lead to base
	clash   store.Clash
	parts   []store.Completion
	bytes   int64 // taken of the user's budget
	done    bool
}

// NewForm begins a form whose files go to the folder at path, which Commit creates if it is missing. A folder that exists
// now is the target also if it is renamed or moved before Commit. clash says what is done about taken names; empty is to
// rename. Close it. InTheWay.
func (s *Uploads) NewForm(ctx context.Context, user store.User, path string, clash store.Clash) (*Form, error) {
	folder, err := CleanPath(path)
	if err != nil {
		return nil, err
	}
	f := &Form{uploads: s, user: user, folder: folder, clash: clash}
	if err := f.findBase(ctx); err != nil {
		return nil, err
	}
	return f, nil
}

// Retarget sets the folder and what happens to taken names, for all files, until Commit. Invalid.
func (f *Form) Retarget(path string, clash store.Clash) error {
	folder, err := CleanPath(path)
	if err != nil {
		return err
	}
	if !slices.Equal(folder, f.folder) {
		f.folder, f.base, f.depth = folder, "", 0
	}
	f.clash = clash
	for i := range f.parts {
		f.parts[i].Clash = clash
	}
	return nil
}

// SetModified sets the modification time of the file that was added last.
func (f *Form) SetModified(t time.Time) { f.parts[len(f.parts)-1].Modified = t }

// findBase finds the folders of the form's path that exist. A file among them is found before the first byte is received,
// and not after the last.
func (f *Form) findBase(ctx context.Context) error {
	for i := range f.folder {
		e, err := f.uploads.Entries.EntryAt(ctx, f.user.ID, f.folder[:i+1])
		switch {
		case errors.Is(err, store.ErrNotFound):
			return nil
		case err != nil:
			return explain(fmt.Errorf("form: %w", err))
		case e.Kind != store.Folder:
			return errorf(InTheWay, "a file exists where a folder is expected")
		}
		f.base, f.depth = e.ID, i+1
	}
	return nil
}

// Add stages one file, hashing it as it arrives. QuotaExceeded, TooLarge: it is too long; CutOff: it ended early.
func (f *Form) Add(ctx context.Context, name string, r io.Reader) error {
	s := f.uploads
	name, err := CleanName(name)
	if err != nil {
		return err
	}
	if len(f.parts) == MaxFormFiles {
		return errorf(TooLarge, "a form must not have more than %d files", MaxFormFiles)
	}
	id := store.NewUploadID(s.Node)
	sums, err := s.Staging.Stream(ctx, id, &formReader{form: f, body: r}, s.maxSize())
	switch {
	case errors.Is(err, store.ErrLength):
		return &Error{Kind: TooLarge, Msg: fmt.Sprintf("the file must not be larger than %d bytes", s.maxSize()), Cause: err}
	case errors.Is(err, io.ErrUnexpectedEOF):
		return &Error{Kind: CutOff, Msg: "the request body ended early", Cause: err}
	case err != nil:
		return explain(fmt.Errorf("form: %w", err))
	}
	c := s.completion(id, f.user.ID, sums)
	c.Name, c.Clash, c.Modified = name, f.clash, f.Modified
	f.Modified = time.Time{}
	f.parts = append(f.parts, c)
	s.Metrics.BytesReceived.Add(float64(sums.Size))
	return nil
}

// Commit makes the entries of all files in one transaction and returns them in order.
func (f *Form) Commit(ctx context.Context) ([]store.Entry, error) {
	s := f.uploads
	if err := f.setFolder(ctx); err != nil {
		return nil, err
	}
	if err := f.publish(ctx); err != nil {
		return nil, errors.Join(explain(err), f.unpublish(ctx))
	}
	s.step("form.published")
	done, err := s.Rows.CompleteUploads(ctx, f.parts)
	if errors.Is(err, store.ErrCollision) {
		s.Metrics.Collisions.Inc()
		s.Log.ErrorContext(ctx, "form refused: SHA-1 collision", "user", f.user.Name)
	}
	if err != nil {
		return nil, errors.Join(explain(fmt.Errorf("form: %w", err)), f.unpublish(ctx))
	}
	s.step("form.committed")
	f.done = true
	entries := make([]store.Entry, len(done))
	for i, d := range done {
		entries[i] = d.Entry
		s.settle(ctx, f.parts[i], d)
	}
	return entries, f.clear(ctx)
}

// publishing is how many files of a form are given their names at a time: the file system makes them durable together.
const publishing = 16

func (f *Form) publish(ctx context.Context) error {
	var g errgroup.Group
	g.SetLimit(publishing)
	for _, c := range f.parts {
		g.Go(func() error { return f.uploads.Staging.Publish(ctx, c.Upload, c.Location.Name()) })
	}
	return g.Wait()
}

// setFolder has the folder created in the transaction that makes the entries: a form that fails leaves nothing behind.
func (f *Form) setFolder(ctx context.Context) error {
	if len(f.folder) == 0 {
		return nil
	}
	path, err := f.path(ctx)
	if err != nil {
		return explain(fmt.Errorf("form: %w", err))
	}
	for i := range f.parts {
		f.parts[i].Folder = &path
	}
	return nil
}

// path returns the path of the form's folder, by which it is found now. A base that was deleted since counts as missing.
func (f *Form) path(ctx context.Context) (store.Path, error) {
	if f.base == "" {
		return f.folder, nil
	}
	path, err := f.uploads.Entries.PathOf(ctx, f.user.ID, f.base)
	if errors.Is(err, store.ErrNotFound) {
		return f.folder, nil
	}
	return append(path, f.folder[f.depth:]...), err
}

// unpublish has the blobs removed that got no row. Listing them first means that a crash leaves none behind; one that
// does get a row after all, the transaction's answer having been lost, is refused by the list.
func (f *Form) unpublish(ctx context.Context) error {
	ctx = context.WithoutCancel(ctx)
	var errs []error
	for _, c := range f.parts {
		if err := f.uploads.discard(ctx, c); err != nil && !errors.Is(err, store.ErrConflict) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// Close removes what was staged and not committed.
func (f *Form) Close() error {
	if f.done {
		return nil
	}
	f.done = true
	return f.clear(context.Background())
}

func (f *Form) clear(ctx context.Context) error {
	ctx = context.WithoutCancel(ctx)
	var errs []error
	for _, c := range f.parts {
		errs = append(errs, f.uploads.Staging.Remove(ctx, c.Upload))
	}
	f.uploads.forms.give(f.user.ID, f.bytes)
	f.bytes = 0
	return errors.Join(errs...)
}

// A formReader reads a file of a form as long as its user may store what comes. store.ErrQuota.
type formReader struct {
	form *Form
	body io.Reader
}

func (r *formReader) Read(p []byte) (int, error) {
	n, err := r.body.Read(p)
	f := r.form
	most := f.user.Quota - f.user.Used - f.user.Reserved
	if n > 0 && !f.uploads.forms.take(f.user.ID, int64(n), most) {
		return 0, store.ErrQuota
	}
	f.bytes += int64(n)
	return n, err
}

// formBytes are the bytes that each user's forms now under way have brought, together. Nothing is reserved for a form,
// whose length is not known; without this, many at once would fill the disk with what no quota allows. The zero
// value is ready.
type formBytes struct {
	mu     sync.Mutex
	byUser map[store.UserID]int64
}

// take counts n more bytes of a user, unless that makes more than most.
func (b *formBytes) take(user store.UserID, n, most int64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.byUser[user]+n > most {
		return false
	}
	if b.byUser == nil {
		b.byUser = map[store.UserID]int64{}
	}
	b.byUser[user] += n
	return true
}

// give takes back what was taken: the bytes are gone, or charged.
func (b *formBytes) give(user store.UserID, n int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if left := b.byUser[user] - n; left > 0 {
		b.byUser[user] = left
	} else {
		delete(b.byUser, user)
	}
}
