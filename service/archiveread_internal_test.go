package service

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/blinkdrive/blinkdrive/store"
)

// contents are blobs that are generated when they are read: byte i of one is i times its number. They count what is read.
type contents struct {
	read   atomic.Int64
	opened atomic.Int64
	broken atomic.Int64 // the offset at which reading any of them fails; 0: none
}

type generated struct {
	*io.SectionReader
}

func (generated) Close() error { return nil }

type generator struct {
	from *contents
	n    byte
}

func (g generator) ReadAt(p []byte, off int64) (int, error) {
	for i := range p {
		p[i] = byte(off+int64(i)) * g.n
	}
	g.from.read.Add(int64(len(p)))
	if at := g.from.broken.Load(); at > 0 && off+int64(len(p)) > at {
		return 0, errors.New("test: the blob cannot be read")
	}
	return len(p), nil
}

// downloads returns a service that finds the blobs of some members.
func (c *contents) downloads(members []member) *Downloads {
	byName := map[store.BlobName]generated{}
	for i, m := range members {
		byName[blobOf(m)] = generated{io.NewSectionReader(generator{c, byte(i + 1)}, 0, m.size())}
	}
	return &Downloads{Places: Places{Remote: func(_ context.Context, _ store.NodeID, name store.BlobName) (store.Blob, error) {
		c.opened.Add(1)
		b := byName[name]
		return generated{io.NewSectionReader(b, 0, b.Size())}, nil
	}}}
}

// planned gives members blobs of their own.
func planned(members ...member) *Archive {
	for i := range members {
		members[i].entry.Content.Location = store.LocalLocation("away", store.BlobName(fmt.Sprint("blob", i)))
	}
	l := layOut(members)
	return &Archive{Name: "a.zip", Size: l.size, ETag: l.etag(), layout: l}
}

func folder(name string) member {
	return member{name, store.Entry{Kind: store.Folder, Created: time.Unix(1_700_000_001, 0)}}
}

func readRange(t interface{ Fatal(args ...any) }, s *Downloads, a *Archive, from, to int64) []byte {
	r := s.OpenArchive(context.Background(), a)
	defer r.Close()
	if _, err := r.Seek(from, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	if err := r.Begin(to - from); err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(r)
	if err != nil || r.Err() != nil {
		t.Fatal(err, r.Err())
	}
	return b
}

// archiveZip returns the archive as package archive/zip writes it.
func archiveZip(t interface{ Fatal(args ...any) }, members []member) []byte {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for i, m := range members {
		to, err := w.CreateHeader(zipHeader(m))
		if err == nil && m.isFile() {
			_, err = io.Copy(to, io.NewSectionReader(generator{&contents{}, byte(i + 1)}, 0, m.size()))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

var someMembers = []member{folder("f/"), file("f/empty", 0), file("f/秒传.txt", 7), file(`back\slash`, 100), folder("f/g/"), file("f/g/last", 31)}

// Each byte of an archive is the same wherever reading begins and ends, and whatever was read before.
func TestArchiveRanges(t *testing.T) {
	t.Parallel()
	a := planned(append([]member{}, someMembers...)...)
	want := archiveZip(t, a.layout.members)
	c := &contents{}
	warm := c.downloads(a.layout.members)
	if got := readRange(t, warm, a, 0, a.Size); !bytes.Equal(got, want) {
		t.Fatalf("whole: %d bytes, want %d:\n%q\n%q", len(got), len(want), got, want)
	}
	for i := range a.Size {
		for _, s := range []*Downloads{warm, c.downloads(a.layout.members)} {
			if got := readRange(t, s, a, i, a.Size); !bytes.Equal(got, want[i:]) {
				t.Errorf("from %d: %q, want %q", i, got, want[i:])
			}
			if got := readRange(t, s, a, 0, i); !bytes.Equal(got, want[:i]) {
				t.Errorf("to %d: %q, want %q", i, got, want[:i])
			}
			if got := readRange(t, s, a, i, min(i+3, a.Size)); !bytes.Equal(got, want[i:min(i+3, a.Size)]) {
				t.Errorf("3 bytes from %d: %q", i, got)
			}
		}
	}
}

func TestArchiveRangesOfAnything(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		var members []member
		for i := range rapid.IntRange(0, 6).Draw(r, "members") {
			m := file(fmt.Sprint(i, rapid.StringN(0, 20, 60).Draw(r, "name"), "x"), rapid.Int64Range(0, 20_000).Draw(r, "size"))
			m.entry.Modified = time.Unix(rapid.Int64Range(-1<<40, 1<<40).Draw(r, "modified"), 0)
			if rapid.Bool().Draw(r, "folder") {
				m.entry.Kind, m.entry.Content.Sums.Size, m.name = store.Folder, 0, m.name+"/"
			}
			members = append(members, m)
		}
		a := planned(members...)
		want := archiveZip(r, members)
		s := (&contents{}).downloads(members)
		for range 8 {
			from := rapid.Int64Range(0, a.Size).Draw(r, "from")
			to := rapid.Int64Range(from, a.Size).Draw(r, "to")
			if got := readRange(r, s, a, from, to); !bytes.Equal(got, want[from:to]) {
				r.Fatalf("bytes %d to %d of %d differ", from, to, a.Size)
			}
		}
		if got := readRange(r, s, a, 0, a.Size); !bytes.Equal(got, want) {
			r.Fatal("the whole differs")
		}
	})
}

// What a range skips is read only for a CRC-32 that is in the range, and once.
func TestArchiveRangeReadsNoMore(t *testing.T) {
	t.Parallel()
	const size = 1 << 20
	a := planned(file("a", size), file("b", size), file("c", size))
	l := &a.layout
	second := l.starts[1] + l.members[1].headerSize()
	for _, tt := range []struct {
		what           string
		from, to, most int64
	}{
		{"some of the second", second + 1000, second + 2000, 1000},
		{"all of the second", second, second + size, size},
		{"the first header", 0, 20, 0},
		{"the third header", l.starts[2], l.starts[2] + 20, 0},
		{"the end of the directory", l.directoryEnd(), a.Size, 0},
		{"names in the directory", l.records[1] + zipDirectoryCRC + zipCRC, l.records[2], 0},
		{"a CRC-32", l.records[1], l.records[2], size},
		{"the directory", l.directory(), a.Size, 3 * size},
		{"the second half of the second", second + size/2, l.starts[2], size * 3 / 2},
	} {
		c := &contents{}
		s := c.downloads(l.members)
		readRange(t, s, a, tt.from, tt.to)
		if n := c.read.Load(); n > tt.most {
			t.Errorf("%s: %d bytes were read, want at most %d", tt.what, n, tt.most)
		}
		if c.read.Store(0); tt.to-tt.from < size/2 {
			readRange(t, s, a, tt.from, tt.to)
			if n := c.read.Load(); n > tt.to-tt.from {
				t.Errorf("%s again: %d bytes were read", tt.what, n)
			}
		}
	}
	c := &contents{}
	s := c.downloads(l.members)
	readRange(t, s, a, 0, second+5000) // and was cut
	readRange(t, s, a, second+1000, a.Size)
	if n := c.read.Load(); n > 3*size+4000 {
		t.Errorf("%d bytes were read for a resumed download of %d", n, a.Size)
	}
}

// A client that does not wait for a CRC-32 finds the sum of what was read when it comes again.
func TestArchiveSumGoesOn(t *testing.T) {
	t.Parallel()
	const size = 4 << 20
	a := planned(file("a", size))
	c := &contents{}
	s := c.downloads(a.layout.members)
	c.broken.Store(size / 2)
	r := s.OpenArchive(t.Context(), a)
	defer r.Close()
	if _, err := r.Seek(a.layout.directory(), io.SeekStart); err != nil {
		t.Fatal(err)
	}
	if err := r.Begin(a.Size); err == nil || r.Err() == nil {
		t.Error("no error")
	}
	c.broken.Store(0)
	before := c.read.Load()
	got := readRange(t, s, a, a.layout.directory(), a.Size)
	if !bytes.Equal(got, archiveZip(t, a.layout.members)[a.layout.directory():]) {
		t.Error("wrong bytes")
	}
	if n := c.read.Load() - before; n > size/2 {
		t.Errorf("%d bytes were read again", n)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.downloads(a.layout.members).sumContent(ended, a.layout.members[0]); !errors.Is(err, context.Canceled) {
		t.Errorf("of a client that is gone: %v", err)
	}
}

// A readerAt reads an archive where it is asked to, as a client with range requests does.
type readerAt struct {
	t *testing.T
	s *Downloads
	a *Archive
}

func (r readerAt) ReadAt(p []byte, off int64) (int, error) {
	n := copy(p, readRange(r.t, r.s, r.a, off, min(off+int64(len(p)), r.a.Size)))
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// Members of more than 4 GiB, and those behind them, are found and read.
func TestLargeArchiveRanges(t *testing.T) {
	t.Parallel()
	a := planned(file("small", 5), file("large", 3<<32), folder("f/"), file("f/behind", 70_000))
	c := &contents{}
	s := c.downloads(a.layout.members)
	s.crcs.put("blob1", crcPrefix{3 << 32, 12345}) // reading it would take too long
	z, err := zip.NewReader(readerAt{t, s, a}, a.Size)
	if err != nil {
		t.Fatal(err)
	}
	for i, m := range a.layout.members {
		f := z.File[i]
		if f.Name != m.name || f.UncompressedSize64 != uint64(m.size()) {
			t.Errorf("%s: %+v", m.name, f.FileHeader)
		}
		if m.isLarge() {
			tail := make([]byte, zipLarge)
			if _, err := (readerAt{t, s, a}).ReadAt(tail, a.layout.starts[2]-zipLarge); err != nil || !bytes.Equal(tail, m.descriptor(12345)) {
				t.Errorf("descriptor of the large file: %x, %v", tail, err)
			}
			continue
		}
		content, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, content); err != nil { // which compares the CRC-32
			t.Errorf("%s: %v", m.name, err)
		}
	}
	if n := c.read.Load(); n > 1<<20 {
		t.Errorf("%d bytes were read", n)
	}
}

// The ETag differs if any byte does.
func TestArchiveETag(t *testing.T) {
	t.Parallel()
	change := func(f func(*member)) *Archive {
		members := append([]member{}, someMembers...)
		f(&members[3])
		return planned(members...)
	}
	same := change(func(*member) {})
	seen := map[string]string{same.ETag: "the same"}
	if again := change(func(m *member) { m.entry.ID, m.entry.Revision = store.NewEntryID(), 7 }); again.ETag != same.ETag {
		t.Error("differs although the bytes are the same")
	}
	for what, f := range map[string]func(*member){
		"name":    func(m *member) { m.name = "other" },
		"time":    func(m *member) { m.entry.Modified = time.Unix(1_600_000_000, 0) },
		"size":    func(m *member) { m.entry.Content.Sums.Size++ },
		"SHA-1":   func(m *member) { m.entry.Content.Sums.Digest[0]++ },
		"SHA-256": func(m *member) { m.entry.Content.Sums.SHA256[0]++ },
		"kind":    func(m *member) { *m = folder(m.name + "/") },
	} {
		etag := change(f).ETag
		if of, ok := seen[etag]; ok {
			t.Errorf("that of another %s is that of %s", what, of)
		}
		seen[etag] = what
	}
}

func TestCRCCache(t *testing.T) {
	t.Parallel()
	var c crcCache
	name := func(i int) store.BlobName { return store.BlobName(fmt.Sprint(i)) }
	c.put(name(0), crcPrefix{10, 1})
	c.put(name(0), crcPrefix{9, 2}) // of less is not kept
	if got := c.get(name(0)); got != (crcPrefix{10, 1}) {
		t.Errorf("%+v", got)
	}
	c.put(name(0), crcPrefix{10, 3}) // the blob was read again
	for i := 1; i < 4*crcsKept; i++ {
		c.put(name(i), crcPrefix{1, uint32(i)})
		if i%crcsKept == 0 && c.get(name(0)) != (crcPrefix{10, 3}) {
			t.Fatalf("forgotten at %d although it was used", i)
		}
	}
	if n := len(c.young) + len(c.old); n > 2*crcsKept || c.get(name(1)).n != 0 || c.get(name(4*crcsKept-1)).n != 1 {
		t.Errorf("%d are kept", n)
	}
	p := crcPrefix{}
	p.add(0, []byte("ab"))
	p.add(3, []byte("gap"))
	p.add(1, []byte("bcd"))
	if p != (crcPrefix{4, crc32.ChecksumIEEE([]byte("abcd"))}) {
		t.Errorf("%+v", p)
	}
}
