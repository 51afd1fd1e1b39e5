package service

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"math"
	"sort"
	"time"
	"unicode/utf8"

	"github.com/blinkdrive/blinkdrive/store"
)

// zipVersion names how an archive is written. It is part of each ETag: change it with any change of the bytes, so that a
// download that began before is not resumed with other bytes.
const zipVersion = "blinkdrive zip 1"

// The lengths of the parts of an archive, besides names and contents. They and the bytes are those of package archive/zip,
// which can write an archive only from its beginning.
const (
	zipLocal      = 30
	zipTime       = 9 // of the extended timestamp, behind a local header and in the directory
	zipDescriptor = 16
	zipLarge      = 24 // descriptor of a file of 4 GiB or more
	zipDirectory  = 46
	zip64Extra    = 28 // in the directory, of a large file or one that begins behind 4 GiB
	zipEnd        = 22
	zip64End      = 56 + 20
)

// Where the CRC-32 is in a data descriptor and in an entry of the directory.
const (
	zipDescriptorCRC = 4
	zipDirectoryCRC  = 16
	zipCRC           = 4 // bytes
)

// The times that both dates of a member can hold: the one of MS-DOS begins in 1980 and ends in 2107, the extended
// timestamp is in seconds since 1970, in 32 bits without a sign as readers take it.
var (
	minZipDate = time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)
	maxZipDate = time.Unix(math.MaxUint32-1, 0).UTC() // even, since MS-DOS counts in steps of two seconds
)

// zipDate returns the closest time to t that a zip can hold. Any other one would be written as a wrong date.
func zipDate(t time.Time) time.Time {
	if t.Before(minZipDate) {
		return minZipDate
	}
	if t.After(maxZipDate) {
		return maxZipDate
	}
	return t.UTC()
}

// A member is one file or folder of an archive.
type member struct {
	name  string // with slashes; a folder's ends in one
	entry store.Entry
}

func (m member) isFile() bool { return m.entry.Kind == store.File }

// size is how many bytes its content has.
func (m member) size() int64 {
	if !m.isFile() {
		return 0
	}
	return m.entry.Content.Sums.Size
}

func (m member) isLarge() bool { return m.size() >= math.MaxUint32 }

// modified is the time that the archive shows.
func (m member) modified() time.Time {
	if m.entry.Modified.IsZero() {
		return zipDate(m.entry.Created)
	}
	return zipDate(m.entry.Modified)
}

// headerSize is how many bytes of the archive are before the content.
func (m member) headerSize() int64 { return zipLocal + int64(len(m.name)) + zipTime }

// descriptorSize is how many bytes of the archive are behind the content.
func (m member) descriptorSize() int64 {
	switch {
	case !m.isFile():
		return 0
	case m.isLarge():
		return zipLarge
	}
	return zipDescriptor
}

// recordSize is the length of the entry of the directory for a member that begins at an offset.
func (m member) recordSize(offset int64) int64 {
	size := zipDirectory + int64(len(m.name)) + zipTime
	if m.isLarge() || offset >= math.MaxUint32 {
		size += zip64Extra
	}
	return size
}

// An archiveLayout says where in an archive each part begins.
type archiveLayout struct {
	members []member
	starts  []int64 // of the local headers, and last of the directory
	records []int64 // of the entries of the directory, and last of its end
	size    int64
}

func layOut(members []member) archiveLayout {
	l := archiveLayout{members: members, starts: make([]int64, 0, len(members)+1), records: make([]int64, 0, len(members)+1)}
	var at int64
	for _, m := range members {
		l.starts = append(l.starts, at)
		at += m.headerSize() + m.size() + m.descriptorSize()
	}
	l.starts = append(l.starts, at)
	for i, m := range members {
		l.records = append(l.records, at)
		at += m.recordSize(l.starts[i])
	}
	l.records = append(l.records, at)
	l.size = at + int64(len(l.end()))
	return l
}

func (l *archiveLayout) directory() int64 { return l.starts[len(l.members)] }

func (l *archiveLayout) directoryEnd() int64 { return l.records[len(l.members)] }

// partAt returns the index of the part that holds the byte at an offset.
func partAt(starts []int64, offset int64) int {
	return sort.Search(len(starts), func(i int) bool { return starts[i] > offset }) - 1
}

// etag is a strong validator: archives have the same if they have the same bytes, and others with overwhelming probability.
func (l *archiveLayout) etag() string {
	h := sha256.New()
	h.Write([]byte(zipVersion))
	var b []byte
	for _, m := range l.members {
		sums := m.entry.Content.Sums
		b = le.AppendUint64(b[:0], uint64(len(m.name)))
		b = append(b, m.name...)
		b = le.AppendUint64(b, uint64(m.modified().Unix()))
		if m.isFile() {
			b = le.AppendUint64(b, uint64(sums.Size))
			b = append(append(b, sums.Digest[:]...), sums.SHA256[:]...)
		}
		h.Write(b)
	}
	return `"zip-` + base64.RawURLEncoding.EncodeToString(h.Sum(nil)) + `"`
}

// Versions of the format that a reader must know.
const (
	zip20 = 20
	zip45 = 45 // large files and archives
)

// Flags of a member.
const (
	zipSumsBehind = 1 << 3  // the CRC-32 and the sizes are in a data descriptor
	zipUTF8       = 1 << 11 // so is the name
)

// appendCommon appends what a local header and an entry of the directory have in common: from the version to the date.
func (m member) appendCommon(b []byte, version uint16) []byte {
	var flags uint16
	if m.isFile() {
		flags |= zipSumsBehind
	}
	if needsUTF8(m.name) {
		flags |= zipUTF8
	}
	t := m.modified()
	for _, v := range []uint16{version, flags, 0, // 0 is: stored
		uint16(t.Second()/2 + t.Minute()<<5 + t.Hour()<<11), uint16(t.Day() + int(t.Month())<<5 + (t.Year()-1980)<<9)} {
		b = le.AppendUint16(b, v)
	}
	return b
}

// needsUTF8 reports whether a name has characters that are not the same in all old encodings.
func needsUTF8(name string) bool {
	for _, r := range name {
		if r < 0x20 || r > 0x7d || r == '\\' {
			return utf8.ValidString(name)
		}
	}
	return false
}

var le = binary.LittleEndian

// appendTime appends the modification time as an extended timestamp.
func (m member) appendTime(b []byte) []byte {
	b = le.AppendUint16(b, 0x5455)
	b = le.AppendUint16(b, zipTime-4)
	return le.AppendUint32(append(b, 1), uint32(m.modified().Unix()))
}

// header returns what is before the content.
func (m member) header() []byte {
	b := le.AppendUint32(make([]byte, 0, m.headerSize()), 0x04034b50)
	b = m.appendCommon(b, zip20)
	b = append(b, make([]byte, 12)...) // the CRC-32 and the sizes
	b = le.AppendUint16(b, uint16(len(m.name)))
	b = le.AppendUint16(b, zipTime)
	return m.appendTime(append(b, m.name...))
}

// descriptor returns what is behind the content.
func (m member) descriptor(crc uint32) []byte {
	b := le.AppendUint32(make([]byte, 0, m.descriptorSize()), 0x08074b50)
	b = le.AppendUint32(b, crc)
	for range 2 { // compressed and not
		if m.isLarge() {
			b = le.AppendUint64(b, uint64(m.size()))
		} else {
			b = le.AppendUint32(b, uint32(m.size()))
		}
	}
	return b
}

// record returns the entry of the directory for member i.
func (l *archiveLayout) record(i int, crc uint32) []byte {
	m, offset := l.members[i], l.starts[i]
	length := m.recordSize(offset)
	zip64 := m.isLarge() || offset >= math.MaxUint32
	size, extra, version := uint32(math.MaxUint32), uint16(zipTime+zip64Extra), uint16(zip20)
	if m.isLarge() {
		version = zip45
	}
	if !zip64 {
		size, extra = uint32(m.size()), zipTime
	}
	b := le.AppendUint32(make([]byte, 0, length), 0x02014b50)
	b = le.AppendUint16(b, zip20)
	b = m.appendCommon(b, version)
	b = le.AppendUint32(b, crc)
	b = le.AppendUint32(le.AppendUint32(b, size), size)
	b = le.AppendUint16(b, uint16(len(m.name)))
	b = le.AppendUint16(b, extra)
	b = append(b, make([]byte, 10)...) // no comment, disk 0, no attributes
	b = le.AppendUint32(b, uint32(min(offset, math.MaxUint32)))
	b = m.appendTime(append(b, m.name...))
	if zip64 {
		b = le.AppendUint16(b, 1)
		b = le.AppendUint16(b, zip64Extra-4)
		for _, v := range []int64{m.size(), m.size(), offset} {
			b = le.AppendUint64(b, uint64(v))
		}
	}
	return b
}

// end returns what is behind the entries of the directory.
func (l *archiveLayout) end() []byte {
	count, offset, end := uint64(len(l.members)), uint64(l.directory()), uint64(l.directoryEnd())
	size := end - offset
	var b []byte
	if count >= math.MaxUint16 || size >= math.MaxUint32 || offset >= math.MaxUint32 {
		b = le.AppendUint32(make([]byte, 0, zip64End+zipEnd), 0x06064b50)
		b = le.AppendUint64(b, 56-12)
		b = le.AppendUint16(le.AppendUint16(b, zip45), zip45)
		b = le.AppendUint64(b, 0) // disks
		for _, v := range []uint64{count, count, size, offset} {
			b = le.AppendUint64(b, v)
		}
		b = le.AppendUint32(b, 0x07064b50)
		b = le.AppendUint32(b, 0)
		b = le.AppendUint64(b, end)
		b = le.AppendUint32(b, 1)
		count, size, offset = math.MaxUint16, math.MaxUint32, math.MaxUint32
	}
	b = le.AppendUint32(b, 0x06054b50)
	b = le.AppendUint32(b, 0) // disks
	b = le.AppendUint16(le.AppendUint16(b, uint16(count)), uint16(count))
	b = le.AppendUint32(le.AppendUint32(b, uint32(size)), uint32(offset))
	return le.AppendUint16(b, 0) // no comment
}
