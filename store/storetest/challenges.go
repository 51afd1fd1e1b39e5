package storetest

import (
	"reflect"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/blinkdrive/blinkdrive/store"
)

// Challenges tests that a driver keeps the contract of store.Challenges. open returns an empty one.
func Challenges(t *testing.T, open func(*testing.T) (store.Challenges, Wait)) {
	for name, test := range map[string]func(*testing.T, store.Challenges, Wait){
		"TakenOnce":           challengesTakenOnce,
		"OneOfManyGetsIt":     challengesOneWinner,
		"Expire":              challengesExpire,
		"UnknownKeyIsNothing": challengesUnknown,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, wait := open(t)
			test(t, c, wait)
		})
	}
}

func add(t *testing.T, c store.Challenges, key string, ch store.Challenge) {
	t.Helper()
	if err := c.Add(t.Context(), key, ch, life); err != nil {
		t.Fatalf("Add: %v", err)
	}
}

func challenge(user store.UserID) store.Challenge {
	return store.Challenge{
		User: user, Digest: store.Digest{1, 2, 3}, Size: 1 << 40,
		Ranges: []store.Range{{Offset: 0, Length: 1024}, {Offset: 1<<40 - 1, Length: 1}},
	}
}

func challengesTakenOnce(t *testing.T, c store.Challenges, _ Wait) {
	add(t, c, "one", challenge(1))
	add(t, c, "two", challenge(2))
	if got, err := c.Take(t.Context(), "one"); err != nil || !reflect.DeepEqual(got, challenge(1)) {
		t.Errorf("Take = %+v, %v", got, err)
	}
	_, err := c.Take(t.Context(), "one")
	wantNotFound(t, "second Take", err)
	if got, err := c.Take(t.Context(), "two"); err != nil || got.User != 2 {
		t.Errorf("Take of the other = %+v, %v", got, err)
	}
}

func challengesOneWinner(t *testing.T, c store.Challenges, _ Wait) {
	for range 20 {
		add(t, c, "key", challenge(1))
		var wg sync.WaitGroup
		var won atomic.Int32
		for range 8 {
			wg.Go(func() {
				if _, err := c.Take(t.Context(), "key"); err == nil {
					won.Add(1)
				}
			})
		}
		if wg.Wait(); won.Load() != 1 {
			t.Fatalf("%d callers took one challenge", won.Load())
		}
	}
}

func challengesExpire(t *testing.T, c store.Challenges, wait Wait) {
	add(t, c, "old", challenge(1))
	wait(life/2 + life/8)
	add(t, c, "young", challenge(1))
	wait(life / 2)
	_, err := c.Take(t.Context(), "old")
	wantNotFound(t, "Take after expiry", err)
	if _, err := c.Take(t.Context(), "young"); err != nil {
		t.Errorf("Take before expiry: %v", err)
	}
}

func challengesUnknown(t *testing.T, c store.Challenges, _ Wait) {
	for _, key := range []string{"", "never given", "a\x00b\nc"} {
		_, err := c.Take(t.Context(), key)
		wantNotFound(t, "Take of an unknown key", err)
	}
}
