package setup

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/blinkdrive/blinkdrive/mq/memory"
	"github.com/blinkdrive/blinkdrive/mq/rabbit"
	"github.com/blinkdrive/blinkdrive/store"
	inprocess "github.com/blinkdrive/blinkdrive/store/memory"
	"github.com/blinkdrive/blinkdrive/store/redis"
)

// patience is how long a start waits for an engine that is not up yet: after a power cut all come back at once, in any order.
const patience = time.Minute

// patiently calls open until it succeeds, fails for a reason that waiting does not mend, or patience ends.
func (e *engines) patiently(ctx context.Context, what string, open func(context.Context) error) error {
	err := open(ctx)
	if !errors.Is(err, store.ErrUnavailable) {
		return err
	}
	e.Log.Warn("could not reach the engine yet; retrying", "engine", what, "for", patience, "err", err)
	for end := time.Now().Add(patience); errors.Is(err, store.ErrUnavailable) && time.Now().Before(end); err = open(ctx) {
		if perr := pause(ctx, time.Second); perr != nil {
			return perr
		}
	}
	return err
}

// openShared opens what nodes share besides the database.
func (e *engines) openShared(ctx context.Context) error {
	r := &e.rooms
	if e.Config.Redis == "" {
		r.progress, r.challenges, r.leader = inprocess.NewProgress(), inprocess.NewChallenges(), inprocess.NewLeader()
		return nil
	}
	return e.patiently(ctx, "redis", func(ctx context.Context) error {
		db, err := redis.Open(ctx, redis.Options{URL: e.Config.Redis, Log: e.Log})
		if err != nil {
			return err
		}
		e.onClose(db.Close)
		e.watched["redis"] = db.Ping
		r.progress, r.challenges, r.leader, r.expiries = db, db, db, db
		r.nodes = vouchedNodes{db, r.secret}
		return nil
	})
}

// openQueue does not wait for a broker: the rows are the truth, and the queue only rings.
func (e *engines) openQueue(context.Context) error {
	if e.Config.MQ == "" {
		q := memory.New(memory.Options{})
		e.onClose(q.Close)
		e.rooms.queue, e.watched["queue"] = q, q.Check
		return nil
	}
	q, err := rabbit.Open(e.Config.MQ, rabbit.Options{Log: e.Log, Name: strings.TrimSpace("blinkdrive " + string(e.Node))})
	if err != nil {
		return err
	}
	e.onClose(q.Close)
	e.rooms.queue, e.watched["queue"] = q, q.Check
	return nil
}
