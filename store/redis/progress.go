package redis

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/gomodule/redigo/redis"

	"github.com/blinkdrive/blinkdrive/store"
)

// The fields of a record. All but those of the chunks are always there, so HLEN counts the chunks.
const (
	fieldCount  = "chunkcount"
	fieldChunk  = "chunksize"
	fieldDigest = "filehash"
	fieldSize   = "filesize"
	fieldNode   = "node"
	fieldUser   = "user"
	fieldHeld   = "chkidx_"
	fixedFields = 6
)

// What scripts answer besides a count.
const (
	answerGone    = -1
	answerInvalid = -2
)

// Lua's stack is too small for all chunks at once, so they come in lots of 1,000 arguments.
var (
	// putScript: the time to live, filesize, chunksize, then names and values of all fields. A record of the same layout
	// keeps its chunks.
	putScript = redis.NewScript(1, `
		local old = redis.call('HMGET', KEYS[1], 'filesize', 'chunksize')
		if old[1] ~= ARGV[2] or old[2] ~= ARGV[3] then
			redis.call('DEL', KEYS[1])
		end
		for i = 4, #ARGV, 1000 do
			redis.call('HSET', KEYS[1], unpack(ARGV, i, math.min(i + 999, #ARGV)))
		end
		return redis.call('PEXPIRE', KEYS[1], ARGV[1])`)
	// markScript: the time to live, the chunk.
	markScript = redis.NewScript(1, `
		local count = tonumber(redis.call('HGET', KEYS[1], 'chunkcount'))
		if not count then
			return -1
		end
		local index = tonumber(ARGV[2])
		if index < 1 or index > count then
			return -2
		end
		redis.call('HSET', KEYS[1], 'chkidx_' .. ARGV[2], '1')
		redis.call('PEXPIRE', KEYS[1], ARGV[1])
		return redis.call('HLEN', KEYS[1]) - 6`)
	// unmarkScript: names of fields.
	unmarkScript = redis.NewScript(1, `
		if redis.call('EXISTS', KEYS[1]) == 0 then
			return -1
		end
		for i = 1, #ARGV, 1000 do
			redis.call('HDEL', KEYS[1], unpack(ARGV, i, math.min(i + 999, #ARGV)))
		end
		return 0`)
)

func (db *DB) progressKey(id store.UploadID) string { return db.key("MP_", string(id)) }

func chunkField(index int) string { return fieldHeld + strconv.Itoa(index) }

// Put implements store.Progress.
func (db *DB) Put(ctx context.Context, p store.ProgressInfo, held []int, ttl time.Duration) error {
	digest := ""
	if !p.Digest.IsZero() {
		digest = p.Digest.String()
	}
	args := make([]any, 0, 3+2*(fixedFields+len(held)))
	args = append(args, millis(ttl), p.Layout.Size, p.Layout.ChunkSize,
		fieldSize, p.Layout.Size, fieldChunk, p.Layout.ChunkSize, fieldCount, p.Layout.Count(),
		fieldDigest, digest, fieldNode, string(p.Upload.Node()), fieldUser, int64(p.User))
	for _, i := range held {
		if !p.Layout.Has(i) {
			return fmt.Errorf("progress of %s: chunk %d: %w", p.Upload, i, store.ErrInvalid)
		}
		args = append(args, chunkField(i), "1")
	}
	_, err := db.eval(ctx, putScript, db.progressKey(p.Upload), args...)
	return progressError(p.Upload, 0, err)
}

// Mark implements store.Progress.
func (db *DB) Mark(ctx context.Context, id store.UploadID, index int, ttl time.Duration) (int, error) {
	n, err := redis.Int(db.eval(ctx, markScript, db.progressKey(id), millis(ttl), index))
	if err = progressError(id, n, err); err != nil {
		return 0, err
	}
	return n, nil
}

// Unmark implements store.Progress.
func (db *DB) Unmark(ctx context.Context, id store.UploadID, indexes []int) error {
	args := make([]any, len(indexes))
	for i, index := range indexes {
		args[i] = chunkField(index)
	}
	n, err := redis.Int(db.eval(ctx, unmarkScript, db.progressKey(id), args...))
	return progressError(id, n, err)
}

// Held implements store.Progress. The names of the fields are half of what HGETALL would send, and say it all but for
// the fixed ones. The chunks are read last, so none is missing that was marked before.
func (db *DB) Held(ctx context.Context, id store.UploadID) (store.ProgressInfo, []int, error) {
	key := db.progressKey(id)
	type record struct {
		fixed []any
		names [][]byte
	}
	answer, err := db.call(ctx, key, func(c redis.Conn) (any, error) {
		fixed, err := redis.Values(c.Do("HMGET", key, fieldChunk, fieldDigest, fieldSize, fieldUser))
		if err != nil {
			return nil, err
		}
		names, err := redis.ByteSlices(c.Do("HKEYS", key))
		return record{fixed, names}, err
	})
	if err != nil {
		return store.ProgressInfo{}, nil, progressError(id, 0, err)
	}
	r := answer.(record)
	info, ok := parseFixed(id, r.fixed)
	held, whole := parseHeld(info.Layout, r.names)
	if !ok || !whole { // not there, or not ours: whoever needs it puts it again
		return store.ProgressInfo{}, nil, progressError(id, answerGone, nil)
	}
	return info, held, nil
}

// Drop implements store.Progress.
func (db *DB) Drop(ctx context.Context, id store.UploadID) error {
	_, err := db.do(ctx, db.progressKey(id), "DEL", db.progressKey(id))
	return progressError(id, 0, err)
}

// progressError makes an error of what a script answered.
func progressError(id store.UploadID, answer int, err error) error {
	switch {
	case err != nil:
	case answer == answerGone:
		err = store.ErrNotFound
	case answer == answerInvalid:
		err = fmt.Errorf("no such chunk: %w", store.ErrInvalid)
	default:
		return nil
	}
	return fmt.Errorf("progress of %s: %w", id, err)
}

// parseFixed reads the fields that say what the upload is. ok: they are there and make sense.
func parseFixed(id store.UploadID, fields []any) (info store.ProgressInfo, ok bool) {
	info.Upload = id
	var digest string
	if _, err := redis.Scan(fields, &info.Layout.ChunkSize, &digest, &info.Layout.Size, &info.User); err != nil {
		return info, false
	}
	if digest != "" {
		var err error
		if info.Digest, err = store.ParseDigest(digest); err != nil {
			return info, false
		}
	}
	return info, info.Layout.ChunkSize > 0
}

// parseHeld finds the chunks among the names of fields, which come in any order. ok: all other fields are there, too.
func parseHeld(l store.Layout, names [][]byte) (held []int, ok bool) {
	held = make([]int, 0, len(names))
	for _, name := range names {
		index, isChunk := bytes.CutPrefix(name, []byte(fieldHeld))
		if !isChunk {
			continue
		}
		i, err := strconv.Atoi(string(index))
		if err != nil || l.ChunkSize <= 0 || !l.Has(i) {
			return nil, false
		}
		held = append(held, i)
	}
	slices.Sort(held)
	return held, len(names) == len(held)+fixedFields
}
