package memory

import (
	"testing"
	"time"

	"github.com/blinkdrive/blinkdrive/store"
)

// BenchmarkMark is the progress of one chunk of an upload of as many as there may be.
func BenchmarkMark(b *testing.B) {
	p := NewProgress()
	const chunks = 10_000
	info := store.ProgressInfo{Upload: store.NewUploadID("n1"), Layout: store.Layout{Size: chunks << 20, ChunkSize: 1 << 20}}
	if err := p.Put(b.Context(), info, nil, time.Hour); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		if _, err := p.Mark(b.Context(), info.Upload, 1+n%chunks, time.Hour); err != nil {
			b.Fatal(err)
		}
	}
}
