package memory

import (
	"container/list"
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/blinkdrive/blinkdrive/store"
)

// The caps on open challenges. One costs about 800 bytes, so all of them together 8 MB.
const (
	maxChallenges        = 10_000
	maxChallengesPerUser = 100
)

// Challenges is a store.Challenges. When there are too many, the oldest of that user, or of all, is forgotten; its
// holder is given a new one.
type Challenges struct {
	// Now tells the time, Max and MaxPerUser bound what is kept. They are set before the first call.
	Now             func() time.Time
	Max, MaxPerUser int
	// Fault, where set, is asked before each operation, by the name of the method; an error is the result.
	Fault func(op string) error

	mu     sync.Mutex
	byKey  map[string]*open
	all    *list.List // of *open, oldest first
	byUser map[store.UserID]*list.List
}

var _ store.Challenges = (*Challenges)(nil)

// NewChallenges makes an empty Challenges.
func NewChallenges() *Challenges {
	return &Challenges{
		Now: time.Now, Max: maxChallenges, MaxPerUser: maxChallengesPerUser,
		byKey: make(map[string]*open), all: list.New(), byUser: make(map[store.UserID]*list.List),
	}
}

// open is a challenge that nobody has taken yet, and its places in the two orders.
type open struct {
	key          string
	challenge    store.Challenge
	expires      time.Time
	inAll, inOwn *list.Element
}

// Add implements store.Challenges.
func (c *Challenges) Add(_ context.Context, key string, ch store.Challenge, ttl time.Duration) error {
	if err := c.fault("Add"); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.Now()
	if old, ok := c.byKey[key]; ok {
		c.remove(old)
	}
	c.makeRoom(ch.User, now)
	own := c.byUser[ch.User]
	if own == nil {
		own = list.New()
		c.byUser[ch.User] = own
	}
	o := &open{key: key, challenge: ch, expires: now.Add(ttl)}
	o.inAll, o.inOwn = c.all.PushBack(o), own.PushBack(o)
	c.byKey[key] = o
	return nil
}

// Take implements store.Challenges.
func (c *Challenges) Take(_ context.Context, key string) (store.Challenge, error) {
	if err := c.fault("Take"); err != nil {
		return store.Challenge{}, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	o, ok := c.byKey[key]
	if ok {
		c.remove(o)
	}
	if !ok || !c.Now().Before(o.expires) {
		return store.Challenge{}, fmt.Errorf("challenge: %w", store.ErrNotFound)
	}
	return o.challenge, nil
}

func (c *Challenges) fault(op string) error {
	if c.Fault == nil {
		return nil
	}
	if err := c.Fault(op); err != nil {
		return fmt.Errorf("challenges: %w", err)
	}
	return nil
}

// makeRoom removes the expired ones that are oldest, and then the oldest there are, until one more fits.
func (c *Challenges) makeRoom(user store.UserID, now time.Time) {
	for first := oldest(c.all); first != nil && !now.Before(first.expires); first = oldest(c.all) {
		c.remove(first)
	}
	if own := c.byUser[user]; own != nil && own.Len() >= c.MaxPerUser {
		c.remove(oldest(own))
	}
	if c.all.Len() >= c.Max {
		c.remove(oldest(c.all))
	}
}

func oldest(l *list.List) *open {
	if l.Len() == 0 {
		return nil
	}
	return l.Front().Value.(*open)
}

func (c *Challenges) remove(o *open) {
	delete(c.byKey, o.key)
	c.all.Remove(o.inAll)
	own := c.byUser[o.challenge.User]
	if own.Remove(o.inOwn); own.Len() == 0 {
		delete(c.byUser, o.challenge.User)
	}
}
