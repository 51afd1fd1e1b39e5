package disk

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"os"

	"github.com/blinkdrive/blinkdrive/store"
)

// The journal of an upload is a log that only grows. All numbers are little-endian.
//
//	record  = crc32c(rest) uint32 | kind byte | length uint16 | payload
//	boot    = the machine's boot ID, as text
//	hold    = index uint32 | length uint32 | crc32c(chunk) uint32 | SHA-1 of the chunk, 20 bytes or none
//	drop    = index uint32
//	hashed  = offset uint64 | len uint16 | SHA-1 state | SHA-256 state: both after the first offset bytes
//	synced  = offset uint64: what stands before that offset of the journal is on the disk, and so are its chunks
//
// The last record for an index wins. A record that is torn or fails its checksum ends the log: it and all after it were
// never acknowledged, and the next record is written in its place.
type recordKind byte

const (
	recordBoot recordKind = 1 + iota
	recordHold
	recordDrop
	recordHashed
	recordSynced
)

const (
	recordHead = 4 + 1 + 2
	holdSize   = 4 + 4 + 4
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// A journal appends records to its file. The caller serialises its methods.
type journal struct {
	file *os.File
	end  int64 // where the next record goes
}

// append writes one record. If that fails the record is as good as not written: the next one takes its place.
func (j *journal) append(kind recordKind, payload []byte) error {
	rec := record(kind, payload)
	if _, err := j.file.WriteAt(rec, j.end); err != nil {
		return fmt.Errorf("journal: %w", noSpace(err))
	}
	j.end += int64(len(rec))
	return nil
}

func record(kind recordKind, payload []byte) []byte {
	rec := make([]byte, recordHead, recordHead+len(payload))
	rec[4] = byte(kind)
	binary.LittleEndian.PutUint16(rec[5:], uint16(len(payload)))
	rec = append(rec, payload...)
	binary.LittleEndian.PutUint32(rec, crc32.Checksum(rec[4:], castagnoli))
	return rec
}

func (j *journal) hold(c store.Chunk) error {
	p := make([]byte, holdSize, holdSize+len(c.Digest))
	binary.LittleEndian.PutUint32(p[0:], uint32(c.Index))
	binary.LittleEndian.PutUint32(p[4:], uint32(c.Length))
	binary.LittleEndian.PutUint32(p[8:], c.CRC)
	if !c.Digest.IsZero() {
		p = append(p, c.Digest[:]...)
	}
	return j.append(recordHold, p)
}

func (j *journal) drop(index int) error {
	return j.append(recordDrop, binary.LittleEndian.AppendUint32(nil, uint32(index)))
}

func (j *journal) hashed(c checkpoint) error {
	p := binary.LittleEndian.AppendUint64(nil, uint64(c.offset))
	p = binary.LittleEndian.AppendUint16(p, uint16(len(c.sha1)))
	p = append(append(p, c.sha1...), c.sha256...)
	return j.append(recordHashed, p)
}

func (j *journal) synced(offset int64) error {
	return j.append(recordSynced, binary.LittleEndian.AppendUint64(nil, uint64(offset)))
}

// replayed is what a journal says.
type replayed struct {
	boot        string // of the last boot record
	held        map[int]heldChunk
	checkpoints []checkpoint // by offset; each still stands, no chunk before it having been dropped since
	syncedTo    int64
	end         int64 // of the last good record
}

// A heldChunk is a chunk that the journal says is held, and where the journal says so.
type heldChunk struct {
	store.Chunk
	at int64
}

// replay reads a journal to its end or to its first bad record.
func replay(r io.Reader, extent func(index int) (offset, length int64, ok bool)) (*replayed, error) {
	all, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	j := &replayed{held: map[int]heldChunk{}}
	for {
		kind, payload, size := nextRecord(all[j.end:])
		if size == 0 || !j.apply(kind, payload, extent) {
			return j, nil
		}
		j.end += int64(size)
	}
}

// nextRecord cuts the record that b begins with; size is 0 where there is none.
func nextRecord(b []byte) (kind recordKind, payload []byte, size int) {
	if len(b) < recordHead {
		return 0, nil, 0
	}
	size = recordHead + int(binary.LittleEndian.Uint16(b[5:]))
	if len(b) < size || crc32.Checksum(b[4:size], castagnoli) != binary.LittleEndian.Uint32(b) {
		return 0, nil, 0
	}
	return recordKind(b[4]), b[recordHead:size], size
}

// apply takes one record in; false means that it cannot be meant seriously, which ends the log as a torn one does.
func (j *replayed) apply(kind recordKind, p []byte, extent func(int) (int64, int64, bool)) bool {
	switch kind {
	case recordBoot:
		j.boot = string(p)
		return true
	case recordHold:
		c, err := parseHold(p)
		_, length, ok := extent(c.Index)
		if err != nil || !ok || length != c.Length {
			return false
		}
		j.held[c.Index] = heldChunk{Chunk: c, at: j.end}
		return true
	case recordDrop:
		if len(p) != 4 {
			return false
		}
		return j.applyDrop(int(binary.LittleEndian.Uint32(p)), extent)
	case recordHashed:
		c, err := parseCheckpoint(p)
		if err != nil {
			return false
		}
		c.at = j.end
		j.checkpoints = append(j.checkpoints, c)
		return true
	case recordSynced:
		if len(p) != 8 {
			return false
		}
		j.syncedTo = int64(binary.LittleEndian.Uint64(p))
		return true
	}
	return false
}

// applyDrop forgets a chunk and the hash states that have its bytes in them.
func (j *replayed) applyDrop(index int, extent func(int) (int64, int64, bool)) bool {
	offset, _, ok := extent(index)
	if !ok {
		return false
	}
	delete(j.held, index)
	for n := len(j.checkpoints); n > 0 && j.checkpoints[n-1].offset > offset; n-- {
		j.checkpoints = j.checkpoints[:n-1]
	}
	return true
}

var errRecord = errors.New("journal: malformed record")

func parseHold(p []byte) (store.Chunk, error) {
	var c store.Chunk
	if len(p) != holdSize && len(p) != holdSize+len(c.Digest) {
		return store.Chunk{}, errRecord
	}
	c.Index = int(binary.LittleEndian.Uint32(p[0:]))
	c.Length = int64(binary.LittleEndian.Uint32(p[4:]))
	c.CRC = binary.LittleEndian.Uint32(p[8:])
	copy(c.Digest[:], p[holdSize:])
	return c, nil
}

func parseCheckpoint(p []byte) (checkpoint, error) {
	if len(p) < 10 {
		return checkpoint{}, errRecord
	}
	n := int(binary.LittleEndian.Uint16(p[8:]))
	if len(p) < 10+n || binary.LittleEndian.Uint64(p) > math.MaxInt64 {
		return checkpoint{}, errRecord
	}
	return checkpoint{
		offset: int64(binary.LittleEndian.Uint64(p)),
		sha1:   append([]byte(nil), p[10:10+n]...),
		sha256: append([]byte(nil), p[10+n:]...),
	}, nil
}
