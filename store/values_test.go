package store_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/blinkdrive/blinkdrive/store"
)

const sha = "da39a3ee5e6b4b0d3255bfef95601890afd80709"

func TestParseDigest(t *testing.T) {
	t.Parallel()
	for in, ok := range map[string]bool{
		sha: true, strings.ToUpper(sha): true, sha[1:]: false, sha + "0": false, "": false,
		"g" + sha[1:]: false, " " + sha[1:]: false, strings.Repeat("é", 20): false,
	} {
		d, err := store.ParseDigest(in)
		if (err == nil) != ok || ok && d.String() != sha {
			t.Errorf("%q: %v, %v", in, d, err)
		}
		if !ok && !errors.Is(err, store.ErrInvalid) {
			t.Errorf("%q: %v, want ErrInvalid", in, err)
		}
	}
	if store.EmptyDigest.String() != sha || store.EmptyDigest.IsZero() || !(store.Digest{}).IsZero() {
		t.Error("the digest of nothing and no digest are mixed up")
	}
}

func TestIDs(t *testing.T) {
	t.Parallel()
	id := store.NewUploadID("n1")
	if back, err := store.ParseUploadID(string(id)); err != nil || back != id || id.Node() != "n1" {
		t.Errorf("%s: %s, %v, node %s", id, back, err, id.Node())
	}
	if id == store.NewUploadID("n1") {
		t.Error("two upload IDs are the same")
	}
	e := store.NewEntryID()
	if back, err := store.ParseEntryID(string(e)); err != nil || back != e {
		t.Errorf("%s: %s, %v", e, back, err)
	}
	if _, err := store.ParseNodeID(string(store.NewNodeID())); err != nil {
		t.Error(err)
	}
	for _, bad := range []string{"", "-", "n1", "n1-", "-" + string(id)[3:], string(id) + "0", "N1" + string(id)[2:],
		"../" + string(id), string(id)[:len(id)-1] + "/", strings.Repeat("a", 33) + string(id)[2:]} {
		if _, err := store.ParseUploadID(bad); err == nil {
			t.Errorf("%q is taken for an upload ID", bad)
		}
		if _, err := store.ParseEntryID(bad); err == nil {
			t.Errorf("%q is taken for an entry ID", bad)
		}
	}
}

func TestLayout(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		size, chunk int64
		count       int
		last        int64
	}{{0, 5, 0, 0}, {1, 5, 1, 1}, {5, 5, 1, 5}, {6, 5, 2, 1}, {1 << 40, 64 << 20, 1 << 14, 64 << 20}} {
		l := store.Layout{Size: c.size, ChunkSize: c.chunk}
		if l.Count() != c.count || l.Has(0) || l.Has(-1) || l.Has(c.count+1) || l.Has(1<<31) {
			t.Errorf("%+v: %d chunks", l, l.Count())
		}
		var total int64
		for i := 1; i <= l.Count(); i++ {
			off, n := l.Extent(i)
			if off != total {
				t.Fatalf("%+v: chunk %d begins at %d, want %d", l, i, off, total)
			}
			total += n
			if i == l.Count() && n != c.last {
				t.Errorf("%+v: the last chunk has %d bytes, want %d", l, n, c.last)
			}
		}
		if total != c.size {
			t.Errorf("%+v: the chunks have %d bytes", l, total)
		}
	}
}

func TestLocations(t *testing.T) {
	t.Parallel()
	name := store.NewBlobName(store.EmptyDigest, store.NewUploadID("n1"))
	if back, err := store.ParseBlobName(string(name)); err != nil || back != name || name.Digest() != store.EmptyDigest ||
		name.Upload().Node() != "n1" || !strings.HasPrefix(name.Key(), "da/39/da39") {
		t.Errorf("%s: %s, %v", name, back, err)
	}
	for _, l := range []store.Location{
		store.LocalLocation("n1", name),
		{Kind: store.Disk, Key: name.Key()},
		{Kind: store.Ceph, In: "bucket", Key: "prefix/" + name.Key()},
		{Kind: store.OSS, In: "bucket", Key: name.Key()},
		{Kind: store.S3, In: "bucket", Key: name.Key()},
	} {
		if back, err := store.ParseLocation(l.String()); err != nil || back != l || back.Name() != name || back.IsZero() {
			t.Errorf("%s: %+v, %v", l, back, err)
		}
	}
	for _, bad := range []string{"", "local://", "local:///" + string(name), "ftp://a/" + string(name), "disk://", string(name),
		"local://n1/../../etc/passwd", "ceph://" + string(name)} {
		if l, err := store.ParseLocation(bad); err == nil {
			t.Errorf("%q is taken for %+v", bad, l)
		}
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	for name, ok := range map[string]bool{
		"a": true, "x ": true, ".hidden": true, "...": true, "文件.txt": true, `a"b\c<script>`: true, strings.Repeat("a", 255): true,
		"": false, ".": false, "..": false, "a/b": false, "a\x00": false, "a\nb": false, "a\r": false, "\x7f": false,
		"\xff": false, strings.Repeat("a", 256): false, strings.Repeat("é", 128): false,
	} {
		if err := store.CheckName(name); (err == nil) != ok {
			t.Errorf("%q: %v", name, err)
		}
	}
	for in, want := range map[string]string{"": "/", "/": "/", "a": "/a", "//a//b/": "/a/b"} {
		if p, err := store.ParsePath(in); err != nil || p.String() != want {
			t.Errorf("%q: %s, %v", in, p, err)
		}
	}
	for _, bad := range []string{"/a/../b", "..", "/./", strings.Repeat("/a", store.MaxDepth+1)} {
		if p, err := store.ParsePath(bad); err == nil {
			t.Errorf("%q is taken for %s", bad, p)
		}
	}
}

// What a parser takes, it writes back, and takes again.
func FuzzParsers(f *testing.F) {
	name := store.NewBlobName(store.EmptyDigest, "n1-00000000000000000000000000000000")
	for _, s := range []string{sha, "n1-00000000000000000000000000000000", string(name), "disk://" + name.Key(), "/a/b", "é", "\x00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if d, err := store.ParseDigest(s); err == nil && d.String() != strings.ToLower(s) {
			t.Errorf("digest %q became %s", s, d)
		}
		if id, err := store.ParseUploadID(s); err == nil && (string(id) != s || strings.ContainsAny(s, "/.\x00")) {
			t.Errorf("upload ID %q became %s", s, id)
		}
		if n, err := store.ParseBlobName(s); err == nil && (string(n) != s || strings.ContainsAny(s, "/.\x00")) {
			t.Errorf("blob name %q became %s", s, n)
		}
		if l, err := store.ParseLocation(s); err == nil && l.String() != s {
			t.Errorf("location %q became %s", s, l)
		}
		p, err := store.ParsePath(s)
		if err != nil {
			return
		}
		if again, err := store.ParsePath(p.String()); err != nil || again.String() != p.String() {
			t.Errorf("path %q became %s, then %s: %v", s, p, again, err)
		}
	})
}
