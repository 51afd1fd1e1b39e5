package service_test

import (
	"bytes"
	"maps"
	"slices"
	"testing"

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
	entry   store.EntryID
}

// A machine drives the upload service at random beside a model of a few maps, and compares what both say.
type machine struct {
	g        *uploadRig
	users    []store.User
	contents [][]byte
	uploads  []*modelUpload
	files    []map[int]bool // by user: the contents that the user has
}

func newMachine(t *testing.T) *machine {
	m := &machine{g: newUploadRig(t)}
	m.users = []store.User{m.g.user, m.g.addUser("bob")}
	for i, size := range []int{0, 100, 2*testChunk + 1} {
		m.contents = append(m.contents, storetest.Bytes(uint64(20+i), size))
	}
	m.files = []map[int]bool{{}, {}}
	return m
}

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
	st, err := m.g.uploads.Init(t.Context(), m.users[user], service.InitRequest{
		Digest: storetest.SumsOf(body).Digest, Size: int64(len(body)), ChunkSize: testChunk, Name: string(rune('a' + content)),
	})
	switch known := m.open(user, content); {
	case m.files[user][content]:
		if service.KindOf(err) != service.AlreadyHave {
			t.Fatalf("init of own content: %v", err)
		}
	case err != nil:
		t.Fatalf("init: %v", err)
	case known != nil:
		if st.ID != known.status.ID || !slices.Equal(st.Held, known.indexes()) {
			t.Fatalf("init again: %s with %v, want %s with %v", st.ID, st.Held, known.status.ID, known.indexes())
		}
	default:
		m.uploads = append(m.uploads, &modelUpload{user: user, content: content, status: st, held: map[int]bool{}})
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

func (m *machine) Complete(t *rapid.T) {
	u := m.pick(t)
	e, err := m.g.complete(m.users[u.user], u.status.ID)
	switch {
	case u.state == store.UploadCancelled:
		if service.KindOf(err) != service.NotFound {
			t.Fatalf("complete of a cancelled upload: %v", err)
		}
	case u.state == store.UploadDone:
		if err != nil || e.ID != u.entry {
			t.Fatalf("complete again: %s, %v; want %s", e.ID, err, u.entry)
		}
	case len(u.held) < u.status.Layout.Count():
		if service.KindOf(err) != service.Incomplete {
			t.Fatalf("complete with %d of %d chunks: %v", len(u.held), u.status.Layout.Count(), err)
		}
	case err != nil:
		t.Fatalf("complete: %v", err)
	default:
		m.g.holds(e, m.contents[u.content])
		u.state, u.entry = store.UploadDone, e.ID
		m.files[u.user][u.content] = true
	}
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
		var used, reserved int64
		for content := range m.files[i] {
			used += int64(len(m.contents[content]))
		}
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
