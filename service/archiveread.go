package service

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/blinkdrive/blinkdrive/store"
)

// An ArchiveReader reads an archive from any byte on, which is put together as it is read. Members that are skipped are not
// read, but the CRC-32 of each is in the archive, behind the member and in the directory at the end. It is known from an
// earlier read, if the process has one, or the member is read when the CRC-32 is wanted. It is used by one goroutine.
type ArchiveReader struct {
	s   *Downloads
	ctx context.Context //nolint:containedctx // of OpenArchive; a reader has no other way to be told
	l   *archiveLayout

	pos, end int64
	ahead    []byte // read by Begin
	err      error  // which ended reading

	blob   store.Blob // of a member, or nil
	open   int        // the member's index
	offset int64      // where in the member blob is
	prefix crcPrefix  // of the member

	crcs  []uint32 // of members
	known []bool
}

// OpenArchive returns a reader that stands at the beginning of an archive. ctx bounds the reading too. Close it.
func (s *Downloads) OpenArchive(ctx context.Context, a *Archive) *ArchiveReader {
	n := len(a.layout.members)
	return &ArchiveReader{s: s, ctx: ctx, l: &a.layout, end: a.Size, crcs: make([]uint32, n), known: make([]bool, n)}
}

// readAhead is how much Begin reads.
const readAhead = 4 << 10

// Begin says that only the next n bytes will be read. It reads the first of them, and returns the error if that fails: the
// caller can still say so instead of sending a part of the archive.
func (r *ArchiveReader) Begin(n int64) error {
	r.end = min(r.pos+max(n, 0), r.l.size)
	buf := make([]byte, min(readAhead, r.end-r.pos))
	got, _ := r.read(buf) // the error is kept
	r.ahead = buf[:got]
	return r.err
}

// Err returns the error that ended reading, if one did.
func (r *ArchiveReader) Err() error { return r.err }

// Seek sets where reading goes on.
func (r *ArchiveReader) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += r.pos - int64(len(r.ahead))
	case io.SeekEnd:
		offset += r.l.size
	}
	if offset < 0 || whence < io.SeekStart || whence > io.SeekEnd {
		return 0, errors.New("seek: invalid offset")
	}
	r.pos, r.end, r.ahead = offset, r.l.size, nil
	return offset, nil
}

// Read fills p as long as nothing fails. What fails, fails for good.
func (r *ArchiveReader) Read(p []byte) (int, error) {
	if len(r.ahead) > 0 {
		n := copy(p, r.ahead)
		r.ahead = r.ahead[n:]
		return n, nil
	}
	return r.read(p)
}

func (r *ArchiveReader) read(p []byte) (int, error) {
	total := 0
	for r.err == nil && total < len(p) && r.pos < r.end {
		n, err := r.readPart(p[total:min(int64(len(p)), int64(total)+r.end-r.pos)])
		total += n
		r.pos += int64(n)
		r.err = err
	}
	switch {
	case total > 0 || len(p) == 0:
		return total, nil
	case r.err != nil:
		return 0, r.err
	}
	return 0, io.EOF
}

// readPart reads from the part of the archive that pos is in, and at least one byte if nothing fails.
func (r *ArchiveReader) readPart(p []byte) (int, error) {
	l := r.l
	switch {
	case r.pos >= l.directoryEnd():
		return copy(p, l.end()[r.pos-l.directoryEnd():]), nil
	case r.pos >= l.directory():
		i := partAt(l.records, r.pos)
		crc, err := r.crcAt(i, l.records[i]+zipDirectoryCRC)
		if err != nil {
			return 0, err
		}
		return copy(p, l.record(i, crc)[r.pos-l.records[i]:]), nil
	}
	i := partAt(l.starts, r.pos)
	m := l.members[i]
	content := l.starts[i] + m.headerSize()
	descriptor := content + m.size()
	switch {
	case r.pos < content:
		return copy(p, m.header()[r.pos-l.starts[i]:]), nil
	case r.pos < descriptor:
		n, err := r.readContent(p[:min(int64(len(p)), descriptor-r.pos)], i, r.pos-content)
		if err != nil {
			err = fmt.Errorf("archive: %s: %w", m.entry.ID, err)
		}
		return n, err
	}
	crc, err := r.crcAt(i, descriptor+zipDescriptorCRC)
	if err != nil {
		return 0, err
	}
	return copy(p, m.descriptor(crc)[r.pos-descriptor:]), nil
}

func (r *ArchiveReader) readContent(p []byte, i int, offset int64) (int, error) {
	if r.blob == nil || r.open != i || r.offset != offset {
		if err := r.openMember(i, offset); err != nil {
			return 0, err
		}
	}
	n, err := r.blob.Read(p)
	r.prefix.add(offset, p[:n])
	r.offset += int64(n)
	size := r.l.members[i].size()
	if r.offset == size {
		return n, r.closeMember()
	}
	if errors.Is(err, io.EOF) {
		err = fmt.Errorf("%d bytes of %d: %w", r.offset, size, io.ErrUnexpectedEOF)
	}
	return n, err
}

// openMember opens the content of member i at an offset.
func (r *ArchiveReader) openMember(i int, offset int64) error {
	if err := r.closeMember(); err != nil {
		return err
	}
	m := r.l.members[i]
	blob, err := r.s.openContent(r.ctx, m.entry, offset)
	if err != nil {
		return err
	}
	if b, ok := blob.(store.RemoteBlob); ok {
		b.Expect(min(m.size()-offset, r.end-r.pos))
	}
	r.blob, r.open, r.offset, r.prefix = blob, i, offset, crcPrefix{}
	if offset > 0 { // or else it is read from its first byte, and need not be known
		r.prefix = r.s.crcs.get(blobOf(m))
	}
	return nil
}

// openContent opens the content that an entry had when the archive was planned.
func (s *Downloads) openContent(ctx context.Context, e store.Entry, offset int64) (store.Blob, error) {
	d, err := s.OpenEntry(ctx, e)
	if err != nil {
		return nil, err
	}
	if d.Entry.Content.Sums != e.Content.Sums {
		err = &Error{Kind: Unavailable, Msg: "a file has changed; try again"}
	} else if offset > 0 {
		_, err = d.Blob.Seek(offset, io.SeekStart)
	}
	if err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d.Blob, nil
}

// closeMember closes the content that is open and keeps what is known of its CRC-32.
func (r *ArchiveReader) closeMember() error {
	if r.blob == nil {
		return nil
	}
	err := r.blob.Close()
	r.blob = nil
	r.keep(r.open, r.prefix)
	return err
}

func (r *ArchiveReader) keep(i int, p crcPrefix) {
	m := r.l.members[i]
	r.s.crcs.put(blobOf(m), p)
	if p.n == m.size() {
		r.crcs[i], r.known[i] = p.crc, true
	}
}

// Close closes what is open.
func (r *ArchiveReader) Close() error { return r.closeMember() }

// crcAt returns the CRC-32 of member i, which is in the archive at an offset, or anything if that is not read.
func (r *ArchiveReader) crcAt(i int, offset int64) (uint32, error) {
	m := r.l.members[i]
	if m.size() == 0 || r.known[i] || r.pos >= offset+zipCRC || r.end <= offset {
		return r.crcs[i], nil
	}
	p := r.s.crcs.get(blobOf(m))
	if p.n != m.size() {
		var err error
		if p, err = r.s.sumContent(r.ctx, m); err != nil {
			return 0, fmt.Errorf("archive: CRC-32 of %s: %w", m.entry.ID, err)
		}
	}
	r.keep(i, p)
	return p.crc, nil
}

// sumContent reads what of a content is not summed yet. It does so for one content of a user at a time: a request for a few
// bytes can have much read, and others that need the same sum find it then.
func (s *Downloads) sumContent(ctx context.Context, m member) (p crcPrefix, err error) {
	leave, err := s.summing.enter(ctx, m.entry.User, 1)
	if err != nil {
		return p, err
	}
	defer leave()
	p = s.crcs.get(blobOf(m))
	if p.n == m.size() {
		return p, nil
	}
	blob, err := s.openContent(ctx, m.entry, p.n)
	if err != nil {
		return p, err
	}
	defer func() { err = errors.Join(err, blob.Close()) }()
	defer func() { s.crcs.put(blobOf(m), p) }() // also if the client does not wait: the next request goes on from there
	if b, ok := blob.(store.RemoteBlob); ok {
		b.Expect(m.size() - p.n)
	}
	buf := make([]byte, 256<<10)
	for p.n < m.size() {
		if err := ctx.Err(); err != nil {
			return p, err
		}
		n, err := blob.Read(buf[:min(int64(len(buf)), m.size()-p.n)])
		p.add(p.n, buf[:n])
		if n == 0 && err != nil {
			return p, fmt.Errorf("%d bytes of %d: %w", p.n, m.size(), noEOF(err))
		}
	}
	return p, nil
}

func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// A crcPrefix is the CRC-32 of the first n bytes of a content.
type crcPrefix struct {
	n   int64
	crc uint32
}

// add takes bytes of the content that are at an offset. Those that would leave a gap are not taken.
func (p *crcPrefix) add(offset int64, b []byte) {
	if end := offset + int64(len(b)); offset <= p.n && p.n < end {
		p.crc = crc32.Update(p.crc, crc32.IEEETable, b[p.n-offset:])
		p.n = end
	}
}
