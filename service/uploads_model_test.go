package service_test

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/blinkdrive/blinkdrive/service"
	"github.com/blinkdrive/blinkdrive/store"
	"github.com/blinkdrive/blinkdrive/store/storetest"
)

// modelUpload is what the model knows of one upload.
type modelUpload struct {
	user    int
	content int
	status  service.UploadStatus
	held    map[int]bool
	state   store.UploadState
	targets []*modelTarget
}

// A modelTarget is a folder and a name that an upload was announced for or completed as.
type modelTarget struct {
	path, name string
	modified   time.Time
	entry      store.EntryID // empty until there is one
}

// target returns the target with a path and a name, adding it if there is none.
func (u *modelUpload) target(path, name string) *modelTarget {
	for _, t := range u.targets {
		if t.path == path && t.name == name {
			return t
		}
	}
	t := &modelTarget{path: path, name: name}
	if len(u.targets) > 0 {
		t.modified = u.targets[0].modified
	}
	u.targets = append(u.targets, t)
	return t
}

// A modelFile is a visible file.
type modelFile struct {
	content  int
	modified time.Time
	entry    store.EntryID
}

// A modelTree has one user's visible files by path, and how many bytes all of the user's files have, trash included.
type modelTree struct {
	files map[string]modelFile
	used  int64
}

// free returns the name that a file gets if its own is taken.
func (m modelTree) free(path, name string) string {
	for i := 2; ; i++ {
		if to := fmt.Sprintf("%s (%d)", name, i); m.files[path+"/"+to].entry == "" {
			return to
		}
	}
}

func (m modelTree) has(content int) bool {
	for _, f := range m.files {
		if f.content == content {
			return true
		}
	}
	return false
}

// A machine drives the upload service at random beside a model of a few maps, and compares what both say.
type machine struct {
	g        *uploadRig
	users    []store.User
	contents [][]byte
	uploads  []*modelUpload
	trees    []*modelTree // by user
}

func newMachine(t *testing.T) *machine {
	m := &machine{g: newUploadRig(t)}
	m.users = []store.User{m.g.user, m.g.addUser("bob")}
	for i, size := range []int{0, 100, 2*testChunk + 1} {
		m.contents = append(m.contents, storetest.Bytes(uint64(20+i), size))
	}
	for range m.users {
		m.trees = append(m.trees, &modelTree{files: map[string]modelFile{}})
	}
	return m
}

var (
	modelPaths = rapid.SampledFrom([]string{"/", "/p", "/q"})
	modelNames = rapid.SampledFrom([]string{"a", "b"})
	modelTimes = rapid.SampledFrom([]time.Time{{}, time.Unix(1, 0).UTC(), time.Unix(2, 0).UTC()})
	clashes    = rapid.SampledFrom([]store.Clash{"", store.ClashReplace, store.ClashFail})
)

func (m *machine) pick(t *rapid.T) *modelUpload {
	if len(m.uploads) == 0 {
		t.Skip("no upload yet")
	}
	return rapid.SampledFrom(m.uploads).Draw(t, "upload")
}

// open returns the open upload of a content, or nil.
func (m *machine) open(user, content int) *modelUpload {
	for _, u := range m.uploads {
		if u.user == user && u.content == content && u.state == store.UploadOpen {
			return u
		}
	}
	return nil
}

func (m *machine) Init(t *rapid.T) {
	user, content := rapid.IntRange(0, 1).Draw(t, "user"), rapid.IntRange(0, len(m.contents)-1).Draw(t, "content")
	body := m.contents[content]
	path, name, modified := modelPaths.Draw(t, "path"), modelNames.Draw(t, "name"), modelTimes.Draw(t, "mtime")
	st, err := m.g.uploads.Init(t.Context(), m.users[user], service.InitRequest{
		Digest: storetest.SumsOf(body).Digest, Size: int64(len(body)), ChunkSize: testChunk,
		Path: path, Name: name, Modified: modified,
	})
	u := m.open(user, content)
	switch {
	case m.trees[user].has(content):
		if service.KindOf(err) != service.AlreadyHave {
			t.Fatalf("init of own content: %v", err)
		}
		return
	case err != nil:
		t.Fatalf("init: %v", err)
	case u != nil:
		if st.ID != u.status.ID || !slices.Equal(st.Held, u.indexes()) {
			t.Fatalf("init again: %s with %v, want %s with %v", st.ID, st.Held, u.status.ID, u.indexes())
		}
	default:
		u = &modelUpload{user: user, content: content, status: st, held: map[int]bool{}}
		m.uploads = append(m.uploads, u)
	}
	known := len(u.targets)
	target := u.target(path, name)
	switch {
	case !modified.IsZero():
		target.modified = modified
	case len(u.targets) > known: // a new target is announced without a time
		target.modified = time.Time{}
	}
}

func (u *modelUpload) indexes() []int { return slices.Sorted(maps.Keys(u.held)) }

func (m *machine) Chunk(t *rapid.T) {
	u := m.pick(t)
	l := u.status.Layout
	index := rapid.IntRange(0, l.Count()+1).Draw(t, "index")
	wrong := rapid.Bool().Draw(t, "wrong bytes")
	var body []byte
	if l.Has(index) {
		off, n := l.Extent(index)
		body = slices.Clone(m.contents[u.content][off : off+n])
	}
	if wrong && len(body) > 0 {
		body[0] ^= 1
	}
	part := service.Part{Upload: u.status.ID, Index: index, Length: int64(len(body))}
	if wrong && !u.held[index] { // a client that knows the SHA-1 has wrong bytes refused at once
		part.Digest = store.EmptyDigest
	}
	err := m.g.uploads.PutChunk(t.Context(), m.users[u.user].ID, part, bytes.NewReader(body))
	want := service.Kind(-1)
	switch {
	case u.state != store.UploadOpen:
		want = service.NotFound
	case !l.Has(index):
		want = service.Invalid
	case wrong && u.held[index]:
		want = service.Conflict
	case wrong:
		want = service.DigestMismatch
	}
	if want >= 0 && service.KindOf(err) != want || want < 0 && err != nil {
		t.Fatalf("chunk %d of a %v upload: %v, want kind %d", index, u.state, err, want)
	}
	if err == nil {
		u.held[index] = true
	}
}

// Complete completes an upload as one target, or as all that were announced.
func (m *machine) Complete(t *rapid.T) {
	u := m.pick(t)
	req := service.CompleteRequest{Upload: u.status.ID, Size: -1, Clash: clashes.Draw(t, "conflict")}
	if rapid.Bool().Draw(t, "named") {
		req.Path, req.Name, req.Modified = modelPaths.Draw(t, "path"), modelNames.Draw(t, "name"), modelTimes.Draw(t, "mtime")
	}
	e, err := m.g.uploads.Complete(t.Context(), m.users[u.user], req)
	switch {
	case u.state == store.UploadCancelled:
		if service.KindOf(err) != service.NotFound {
			t.Fatalf("complete of a cancelled upload: %v", err)
		}
	case u.state == store.UploadOpen && len(u.held) < u.status.Layout.Count():
		if service.KindOf(err) != service.Incomplete {
			t.Fatalf("complete with %d of %d chunks: %v", len(u.held), u.status.Layout.Count(), err)
		}
	default:
		m.completed(t, u, req, e, err)
	}
}

// completed compares the result of a Complete for which all chunks are held.
func (m *machine) completed(t *rapid.T, u *modelUpload, req service.CompleteRequest, got store.Entry, err error) {
	known := u.targets
	wanted := known
	if req.Name != "" {
		wanted = []*modelTarget{u.target(req.Path, req.Name)}
	}
	refused := slices.ContainsFunc(wanted, func(target *modelTarget) bool { return m.clashes(u, target, req.Clash) })
	if refused { // all files appear or none
		if service.KindOf(err) != service.NameTaken {
			t.Fatalf("complete as %+v: %v, want that the name is taken", wanted, err)
		}
		u.targets = known // what was not announced is forgotten
		return
	}
	for _, target := range wanted {
		m.appears(t, u, target, req)
	}
	if err != nil {
		t.Fatalf("complete: %v", err)
	}
	want := store.EntryID("")
	for _, target := range wanted { // the last that is there
		if e, there := m.entry(t, u, target); there {
			want = e.ID
		}
	}
	if got.ID != want {
		t.Fatalf("complete as %+v: %s, want %s", wanted, got.ID, want)
	}
}

// remodified gives the file of a target, unless it was deleted, the time that a repeated complete names.
func (m *machine) remodified(t *rapid.T, u *modelUpload, target *modelTarget, modified time.Time) {
	for path, f := range m.trees[u.user].files {
		if f.entry != target.entry {
			continue
		}
		if !modified.IsZero() && !modified.Equal(target.modified) {
			f.modified, target.modified = modified, modified
			m.trees[u.user].files[path] = f
		}
		if e, err := m.g.db.Entry(t.Context(), m.users[u.user].ID, f.entry); err != nil || !e.Modified.Equal(f.modified) {
			t.Fatalf("complete again: modified %v, %v, want %v", e.Modified, err, f.modified)
		}
	}
}

// clashes reports whether a target cannot become a file because its name is taken.
func (m *machine) clashes(u *modelUpload, target *modelTarget, clash store.Clash) bool {
	taken := m.trees[u.user].files[target.path+"/"+target.name]
	return target.entry == "" && clash == store.ClashFail && taken.entry != "" && taken.content != u.content
}

// appears makes the file of a target in the model.
func (m *machine) appears(t *rapid.T, u *modelUpload, target *modelTarget, req service.CompleteRequest) {
	if target.entry != "" {
		m.remodified(t, u, target, req.Modified)
		return
	}
	tree, name := m.trees[u.user], target.name
	taken := tree.files[target.path+"/"+name]
	modified := target.modified
	if !req.Modified.IsZero() {
		modified = req.Modified
	}
	switch {
	case taken.entry == "":
	case taken.content == u.content:
		u.state, target.entry = store.UploadDone, taken.entry
		if !modified.IsZero() {
			taken.modified, target.modified = modified, modified
		}
		tree.files[target.path+"/"+name] = taken
		e, err := m.g.db.Entry(t.Context(), m.users[u.user].ID, taken.entry)
		if err != nil || !e.Modified.Equal(taken.modified) {
			t.Fatalf("the same bytes again: modified %v, %v, want %v", e.Modified, err, taken.modified)
		}
		return
	case req.Clash == "":
		name = tree.free(target.path, name)
	}
	path, err := store.ParsePath(target.path + "/" + name)
	if err != nil {
		t.Fatal(err)
	}
	e, err := m.g.db.EntryAt(t.Context(), m.users[u.user].ID, path)
	if err != nil || !e.Modified.Equal(modified) || e.ID == taken.entry {
		t.Fatalf("%s: %+v, %v; want it modified %v", path, e, err, modified)
	}
	m.g.holds(e, m.contents[u.content])
	tree.files[target.path+"/"+name] = modelFile{content: u.content, modified: modified, entry: e.ID}
	tree.used += int64(len(m.contents[u.content]))
	u.state, target.entry, target.modified = store.UploadDone, e.ID, modified
}

// entry returns the visible entry of a target.
func (m *machine) entry(t *rapid.T, u *modelUpload, target *modelTarget) (store.Entry, bool) {
	e, err := m.g.db.Entry(t.Context(), m.users[u.user].ID, target.entry)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		t.Fatal(err)
	}
	return e, err == nil
}

func (m *machine) Cancel(t *rapid.T) {
	u := m.pick(t)
	err := m.g.uploads.Cancel(t.Context(), m.users[u.user].ID, u.status.ID)
	switch {
	case u.state == store.UploadDone:
		if service.KindOf(err) != service.Conflict {
			t.Fatalf("cancel of a done upload: %v", err)
		}
	case err != nil:
		t.Fatalf("cancel: %v", err)
	default:
		u.state = store.UploadCancelled
	}
}

// Restart forgets all that is only in memory.
func (m *machine) Restart(*rapid.T) { m.g.start() }

// check compares the books after each step.
func (m *machine) check(t *rapid.T) {
	for i, user := range m.users {
		used, reserved := m.trees[i].used, int64(0)
		for _, u := range m.uploads {
			if u.user != i || u.state != store.UploadOpen {
				continue
			}
			reserved += u.status.Layout.Size
			st, err := m.g.uploads.Status(t.Context(), user.ID, u.status.ID)
			if err != nil || !slices.Equal(st.Held, u.indexes()) {
				t.Fatalf("status: %v, %v; want %v", st.Held, err, u.indexes())
			}
		}
		if now := m.g.reload(user); now.Used != used || now.Reserved != reserved {
			t.Fatalf("user %d: used %d, reserved %d; want %d and %d", i, now.Used, now.Reserved, used, reserved)
		}
	}
}

// The upload API agrees with a model of a few maps, whatever is called in whatever order, restarts included.
func TestUploadsAgreeWithAModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		m := newMachine(t)
		rt.Repeat(map[string]func(*rapid.T){
			"init": m.Init, "chunk": m.Chunk, "chunk again": m.Chunk, "complete": m.Complete, "cancel": m.Cancel,
			"restart": m.Restart, "": m.check,
		})
	})
}
