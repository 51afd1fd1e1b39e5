package redis

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
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

// Held implements store.Progress.
func (db *DB) Held(ctx context.Context, id store.UploadID) (store.ProgressInfo, []int, error) {
	fields, err := redis.ByteSlices(db.do(ctx, db.progressKey(id), "HGETALL", db.progressKey(id)))
	if err = progressError(id, 0, err); err != nil {
		return store.ProgressInfo{}, nil, err
	}
	info, held, ok := parseRecord(id, fields)
	if !ok { // not there, or not ours: whoever needs it puts it again
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
		err = fmt.Errorf("there is no such chunk: %w", store.ErrInvalid)
	default:
		return nil
	}
	return fmt.Errorf("progress of %s: %w", id, err)
}

// parseRecord reads names and values by turns. ok: every fixed field was there and made sense.
func parseRecord(id store.UploadID, fields [][]byte) (info store.ProgressInfo, held []int, ok bool) {
	info.Upload = id
	held = make([]int, 0, max(0, len(fields)/2-fixedFields))
	fixed := 0
	for pair := range slices.Chunk(fields, 2) {
		name, value := string(pair[0]), string(pair[1])
		if index, isChunk := strings.CutPrefix(name, fieldHeld); isChunk {
			i, err := strconv.Atoi(index)
			if err != nil {
				return info, nil, false
			}
			held = append(held, i)
		} else if err := parseField(&info, name, value); err != nil {
			return info, nil, false
		} else {
			fixed++
		}
	}
	slices.Sort(held)
	return info, held, fixed == fixedFields
}

func parseField(info *store.ProgressInfo, name, value string) (err error) {
	switch name {
	case fieldSize:
		info.Layout.Size, err = strconv.ParseInt(value, 10, 64)
	case fieldChunk:
		info.Layout.ChunkSize, err = strconv.ParseInt(value, 10, 64)
	case fieldUser:
		var n int64
		n, err = strconv.ParseInt(value, 10, 64)
		info.User = store.UserID(n)
	case fieldDigest:
		if value != "" {
			info.Digest, err = store.ParseDigest(value)
		}
	case fieldCount, fieldNode: // they follow from the others, and are there for scripts and for people
	default:
		err = fmt.Errorf("field %q: %w", name, store.ErrInvalid)
	}
	return err
}
