package service

import (
	"archive/zip"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/blinkdrive/blinkdrive/store"
)

// counter counts what is written to it.
type counter int64

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}

func file(name string, size int64) member {
	return member{name, store.Entry{Kind: store.File, Created: time.Unix(1_700_000_000, 0), Content: store.Content{Sums: store.Sums{Size: size}}}}
}

// zipHeader is what archive/zip is told of a member.
func zipHeader(m member) *zip.FileHeader {
	return &zip.FileHeader{Name: m.name, Method: zip.Store, Modified: m.modified()}
}

// zipped is how long archive/zip makes the archive. Bytes of large files are not summed.
func zipped(t *testing.T, members []member) int64 {
	t.Helper()
	var n counter
	w := zip.NewWriter(&n)
	zeros := make([]byte, 1<<20)
	for _, m := range members {
		h := zipHeader(m)
		size := m.entry.Content.Sums.Size
		create := w.CreateHeader
		if size > 1<<20 { // raw, with all that CreateHeader would have written
			h.Flags, h.Extra = 8, make([]byte, zipTime)
			h.CompressedSize64, h.UncompressedSize64 = uint64(size), uint64(size)
			create = w.CreateRaw
		}
		to, err := create(h)
		for err == nil && size > 0 && m.entry.Kind == store.File {
			some := min(size, int64(len(zeros)))
			_, err = to.Write(zeros[:some])
			size -= some
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return int64(n)
}

func TestZipSize(t *testing.T) {
	t.Parallel()
	folder := member{"f/", store.Entry{Kind: store.Folder, Created: time.Unix(1_700_000_000, 0)}}
	many := make([]member, math.MaxUint16+1)
	for i := range many {
		many[i] = file(fmt.Sprint(i), 0)
	}
	for name, members := range map[string][]member{
		"nothing":           nil,
		"empty file":        {file("a", 0)},
		"folder":            {folder},
		"names":             {folder, file("f/秒传.txt", 7), file(strings.Repeat("é", 8000), 9)},
		"just below 4 GiB":  {file("a", math.MaxUint32-1), file("b", 1)},
		"4 GiB less a byte": {file("a", math.MaxUint32)},
		"over 4 GiB":        {file("a", math.MaxUint32+2), file("b", 1), folder, file("c", 0)},
		"ends at 4 GiB":     {file("a", math.MaxUint32-zipLocal-1-zipTime-zipDescriptor), file("b", 5)},
		"a byte less":       {file("a", math.MaxUint32-zipLocal-1-zipTime-zipDescriptor-1), file("b", 5)},
		"65534 files":       many[:math.MaxUint16-1],
		"65535 files":       many[:math.MaxUint16],
		"65536 files":       many,
	} {
		if got, want := layOut(members).size, zipped(t, members); got != want {
			t.Errorf("%s: %d, want %d", name, got, want)
		}
	}
}

func TestZipSizeOfAnything(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		var members []member
		for range rapid.IntRange(0, 8).Draw(r, "members") {
			m := file(rapid.StringN(1, 40, 255).Draw(r, "name"), rapid.Int64Range(0, 5000).Draw(r, "size"))
			if rapid.Bool().Draw(r, "folder") {
				m.entry.Kind, m.entry.Content.Sums.Size, m.name = store.Folder, 0, m.name+"/"
			} else {
				m.name = strings.TrimRight(m.name, "/") + "x"
			}
			members = append(members, m)
		}
		if got, want := layOut(members).size, zipped(t, members); got != want {
			r.Errorf("%d, want %d", got, want)
		}
	})
}

// Names in an archive are different on every system, and none leads out of the folder that it is unpacked into.
func TestMemberNames(t *testing.T) {
	t.Parallel()
	p := packer{next: map[string]int{}}
	for _, tt := range []struct{ name, want string }{
		{"a.txt", "a.txt"}, {"a.txt", "a (2).txt"}, {"A.TXT", "A (3).TXT"}, {"a (2).txt", "a (2) (2).txt"}, {"a (5).txt", "a (5).txt"},
		{"a.txt", "a (4).txt"}, {"a.txt", "a (6).txt"}, {"b.tar.gz", "b.tar.gz"}, {"b.tar.gz", "b (2).tar.gz"},
		{`..\..\evil`, ".._.._evil"}, {`C:\evil`, "C__evil"}, {"C:evil", "C_evil"}, {`a\b`, "a_b"}, {"a:b", "a_b (2)"},
		{".bashrc", ".bashrc"}, {".bashrc", ".bashrc (2)"}, {"Straße", "Straße"}, {"ÉTÉ", "ÉTÉ"}, {"été", "été (2)"},
		{".. ", "___"}, {"...", "___ (2)"}, {" ", "_"}, {"end", "end"}, {"end.", "end (2)."}, {"END . ", "END  (3). "}, {"v1.", "v1."},
	} {
		if got := p.pack("", store.Entry{Kind: store.File, Name: tt.name}); got != tt.want {
			t.Errorf("%q becomes %q, want %q", tt.name, got, tt.want)
		}
	}
	if got := p.pack("", store.Entry{Kind: store.Folder, Name: "a.txt"}); got != "a.txt (2)/" && got != "a.txt (7)/" {
		t.Errorf("a folder becomes %q", got)
	}
	begun := time.Now()
	for range 20_000 {
		p.pack("", store.Entry{Kind: store.File, Name: "same"})
	}
	if took := time.Since(begun); took > 5*time.Second {
		t.Errorf("20,000 names that are the same took %v", took)
	}
}
