package redis

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/gomodule/redigo/redis"

	"github.com/blinkdrive/blinkdrive/store"
)

// maxChallengeKey bounds the keys that are looked up: they come from clients, and ours are shorter.
const maxChallengeKey = 256

// takeScript is GETDEL, which servers before 6.2 do not have.
var takeScript = redis.NewScript(1, `
	local value = redis.call('GET', KEYS[1])
	redis.call('DEL', KEYS[1])
	return value`)

// A challenge is how a store.Challenge is kept.
type challenge struct {
	User   int64      `json:"user"`
	Digest string     `json:"digest"`
	Size   int64      `json:"size"`
	Ranges [][2]int64 `json:"ranges"` // offset, length
}

func (db *DB) challengeKey(key string) string { return db.key("CH_", key) }

// Add implements store.Challenges.
func (db *DB) Add(ctx context.Context, key string, c store.Challenge, ttl time.Duration) error {
	kept := challenge{User: int64(c.User), Digest: c.Digest.String(), Size: c.Size, Ranges: make([][2]int64, len(c.Ranges))}
	for i, r := range c.Ranges {
		kept.Ranges[i] = [2]int64{r.Offset, r.Length}
	}
	value, err := json.Marshal(kept)
	if err == nil {
		_, err = db.do(ctx, db.challengeKey(key), "SET", db.challengeKey(key), value, "PX", millis(ttl))
	}
	if err != nil {
		return fmt.Errorf("challenge: %w", err)
	}
	return nil
}

// Take implements store.Challenges.
func (db *DB) Take(ctx context.Context, key string) (store.Challenge, error) {
	if len(key) > maxChallengeKey {
		return store.Challenge{}, fmt.Errorf("challenge: %w", store.ErrNotFound)
	}
	value, err := redis.Bytes(db.eval(ctx, takeScript, db.challengeKey(key)))
	if errors.Is(err, redis.ErrNil) {
		err = store.ErrNotFound
	}
	var c store.Challenge
	if err == nil {
		c, err = parseChallenge(value)
	}
	if err != nil {
		return store.Challenge{}, fmt.Errorf("challenge: %w", err)
	}
	return c, nil
}

func parseChallenge(value []byte) (store.Challenge, error) {
	var kept challenge
	if err := json.Unmarshal(value, &kept); err != nil {
		return store.Challenge{}, err
	}
	digest, err := store.ParseDigest(kept.Digest)
	if err != nil {
		return store.Challenge{}, err
	}
	c := store.Challenge{User: store.UserID(kept.User), Digest: digest, Size: kept.Size}
	for _, r := range kept.Ranges {
		c.Ranges = append(c.Ranges, store.Range{Offset: r[0], Length: r[1]})
	}
	return c, nil
}
