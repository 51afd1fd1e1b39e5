package redis_test

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/blinkdrive/blinkdrive/store/redis"
	"github.com/blinkdrive/blinkdrive/store/storetest"
)

// benchOnEach runs a benchmark on each kind of server, with a record of as many chunks as there can be.
func benchOnEach(b *testing.B, bench func(b *testing.B, db *redis.DB, held []int)) {
	held := make([]int, 10_000)
	for i := range held {
		held[i] = i + 1
	}
	for name, variable := range harnesses {
		b.Run(name, func(b *testing.B) {
			db := open(b, storetest.Server(b, variable))
			b.ReportAllocs()
			bench(b, db, held)
		})
	}
}

func BenchmarkMark(b *testing.B) {
	benchOnEach(b, func(b *testing.B, db *redis.DB, held []int) {
		info := progressInfo(len(held))
		put(b, db, info)
		for i := 0; b.Loop(); i++ {
			if _, err := db.Mark(b.Context(), info.Upload, i%len(held)+1, time.Minute); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkMarkParallel(b *testing.B) {
	benchOnEach(b, func(b *testing.B, db *redis.DB, held []int) {
		info := progressInfo(len(held))
		put(b, db, info)
		var next atomic.Int64
		b.SetParallelism(8)
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				if _, err := db.Mark(b.Context(), info.Upload, int(next.Add(1))%len(held)+1, time.Minute); err != nil {
					b.Error(err)
					return
				}
			}
		})
	})
}

func BenchmarkHeld10000(b *testing.B) {
	benchOnEach(b, func(b *testing.B, db *redis.DB, held []int) {
		info := progressInfo(len(held))
		put(b, db, info, held...)
		for b.Loop() {
			if _, got, err := db.Held(b.Context(), info.Upload); len(got) != len(held) || err != nil {
				b.Fatal(len(got), err)
			}
		}
	})
}

func BenchmarkPut10000(b *testing.B) {
	benchOnEach(b, func(b *testing.B, db *redis.DB, held []int) {
		info := progressInfo(len(held))
		for b.Loop() {
			put(b, db, info, held...)
		}
	})
}
