package store

// A Layout is how an upload's bytes are cut into chunks, numbered from 1. All but the last have ChunkSize bytes.
type Layout struct {
	Size      int64 // bytes of the whole content
	ChunkSize int64 // bytes, more than 0
}

// Count returns the number of chunks; it is 0 for no bytes.
func (l Layout) Count() int { return int((l.Size + l.ChunkSize - 1) / l.ChunkSize) }

// Has reports whether there is a chunk with this index.
func (l Layout) Has(index int) bool { return index >= 1 && index <= l.Count() }

// Extent returns where chunk index lies. The index must be one that Has reports.
func (l Layout) Extent(index int) (offset, length int64) {
	offset = int64(index-1) * l.ChunkSize
	return offset, min(l.ChunkSize, l.Size-offset)
}

// A Chunk is one held piece of an upload.
type Chunk struct {
	Index  int
	Length int64
	CRC    uint32 // CRC-32C of the bytes
	Digest Digest // zero where the client named none
}
