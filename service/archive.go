package service

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/blinkdrive/blinkdrive/store"
)

// DefaultMaxArchive is how many entries an archive has at most: each is kept in memory until its end.
const DefaultMaxArchive = 10_000

// maxArchiveNames is how many bytes the names of an archive's members have at most, each of which begins with those of all the
// folders that it is in: 10,000 entries deep down would have 160 MB of names.
const maxArchiveNames = 4 << 20

// An Archive is a zip of some files and folders, whose bytes are all determined, and put together when they are read.
type Archive struct {
	Name string // of the file, as in photos.zip
	Size int64  // bytes of the whole
	ETag string // a strong validator of the bytes, in quotes

	layout archiveLayout
}

// Archive finds out what a zip of some of the user's entries will hold. Folders bring all that is visible in them. name
// is the archive's, and may be empty. TooLarge: more than MaxArchive entries. Damaged: a content is known to be.
func (s *Downloads) Archive(ctx context.Context, user store.UserID, ids []store.EntryID, name string) (*Archive, error) {
	p := packer{s: s, limit: orDefault(s.MaxArchive, DefaultMaxArchive), next: map[string]int{}}
	for i, id := range ids {
		e, err := s.Entries.Entry(ctx, user, id)
		if err != nil {
			return nil, fileError("archive", err)
		}
		if i == 0 && len(ids) == 1 && name == "" {
			name = e.Name
		}
		if err := p.add(ctx, e); err != nil {
			return nil, err
		}
	}
	for _, m := range p.members {
		if m.entry.Kind == store.File && m.entry.Content.Status == store.ContentDamaged {
			return nil, errorf(Damaged, "%s is damaged; upload it again or exclude it", m.name)
		}
	}
	if name == "" {
		name = "blinkdrive"
	}
	if !strings.HasSuffix(store.FoldName(name), ".zip") {
		name += ".zip"
	}
	l := layOut(p.members)
	return &Archive{Name: name, Size: l.size, ETag: l.etag(), layout: l}, nil
}

// A packer gives each entry its name in an archive.
type packer struct {
	s       *Downloads
	limit   int
	members []member
	next    map[string]int // by unpacked name: which number to try when it comes again
	names   int            // bytes
}

// add packs an entry and, of a folder, all that is in it.
func (p *packer) add(ctx context.Context, e store.Entry) error {
	var below []store.Entry
	if e.Kind == store.Folder {
		var err error
		below, err = p.s.Trees.EntriesBelow(ctx, e.User, e.ID, max(0, p.limit-len(p.members)-1))
		if err != nil && !errors.Is(err, store.ErrTooMany) {
			return fileError("archive", err)
		} else if err != nil {
			return p.tooMany()
		}
	}
	if len(p.members)+1+len(below) > p.limit {
		return p.tooMany()
	}
	folders := map[store.EntryID]string{e.ID: p.pack("", e)}
	for _, child := range below {
		name := p.pack(folders[child.Parent], child)
		if p.names > maxArchiveNames {
			return errorf(TooLarge, "the names in the archive are too long in total; download fewer folders at a time")
		}
		if child.Kind == store.Folder {
			folders[child.ID] = name
		}
	}
	return nil
}

func (p *packer) tooMany() error {
	return errorf(TooLarge, "an archive must not have more than %d entries; download fewer folders at a time", p.limit)
}

// pack adds a member in a folder, whose name ends in a slash or is empty. Names that some system would take for the same get
// numbers, so that unpacking overwrites nothing.
func (p *packer) pack(folder string, e store.Entry) string {
	name := folder + memberName(e.Name)
	first := unpackedName(name)
	for try := first; p.next[try] > 0; {
		n := p.next[first] + 1
		p.next[first] = n
		name = folder + numberedName(memberName(e.Name), n, e.Kind)
		try = unpackedName(name)
	}
	p.next[unpackedName(name)] = max(1, p.next[unpackedName(name)])
	if e.Kind == store.Folder {
		name += "/"
	}
	p.members = append(p.members, member{name, e})
	p.names += len(name)
	return name
}

// memberName takes out of a name what another system reads as a way out of the folder that is unpacked into: what separates
// folders there, what follows a drive's letter, and names of nothing but dots and blanks, which it takes for "." or "..".
func memberName(name string) string {
	dots := strings.Trim(name, dotsAndBlanks) == ""
	return strings.Map(func(r rune) rune {
		if r == '\\' || r == ':' || dots {
			return '_'
		}
		return r
	}, name)
}

// unpackedName is the same for two names that some system takes for the same: it knows no case, or leaves out what is at the end.
func unpackedName(name string) string { return strings.TrimRight(store.FoldName(name), dotsAndBlanks) }

const dotsAndBlanks = ". "

// numberedName puts a number before a file's extension, or behind a folder's name.
func numberedName(name string, n int, kind store.EntryKind) string {
	stem, ext := name, ""
	if kind == store.File {
		stem, ext = store.SplitExtension(name)
	}
	return fmt.Sprintf("%s (%d)%s", stem, n, ext)
}

// LinkArchive returns the query of a URL with which anybody can download an archive of the user's entries until then.
func (s *Downloads) LinkArchive(user store.User, ids []store.EntryID, until time.Time) string {
	return link{Entries: ids, User: user.Name, Expires: until}.sign(s.Secret)
}

// FindArchiveLink returns whose archive of what the raw query of a link names, if that user is still active.
func (s *Downloads) FindArchiveLink(ctx context.Context, query string) (store.UserID, []store.EntryID, error) {
	l, u, err := s.checkLink(ctx, query)
	return u.ID, l.Entries, err
}
