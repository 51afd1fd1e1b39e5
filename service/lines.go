package service

import (
	"context"
	"sync"

	"github.com/blinkdrive/blinkdrive/store"
)

// lines let each user do only so many at once of what is costly: who asks for more waits for himself, and others do not wait for
// all of it. The zero value is ready.
type lines struct {
	mu    sync.Mutex
	users map[store.UserID]*line
}

type line struct {
	places chan struct{} // has an element for each who is in
	users  int           // who are in, or wait
}

// enter waits until fewer than most of the user's are in, which is the same number at each call, and returns what lets the next one in.
func (l *lines) enter(ctx context.Context, user store.UserID, most int) (leave func(), err error) {
	at := l.join(user, most)
	select {
	case at.places <- struct{}{}:
		return func() {
			<-at.places
			l.leave(user, at)
		}, nil
	case <-ctx.Done():
		l.leave(user, at)
		return nil, ctx.Err()
	}
}

func (l *lines) join(user store.UserID, most int) *line {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.users == nil {
		l.users = map[store.UserID]*line{}
	}
	at := l.users[user]
	if at == nil {
		at = &line{places: make(chan struct{}, most)}
		l.users[user] = at
	}
	at.users++
	return at
}

func (l *lines) leave(user store.UserID, at *line) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if at.users--; at.users == 0 {
		delete(l.users, user)
	}
}

// A narrow lets few in at once, whoever they are, and one of each user. The zero value is ready.
type narrow struct {
	lines lines
	once  sync.Once
	all   chan struct{}
}

// enter waits until none of the user's, and fewer than most of all users', are in.
func (n *narrow) enter(ctx context.Context, user store.UserID, most int) (leave func(), err error) {
	n.once.Do(func() { n.all = make(chan struct{}, most) })
	leaveLine, err := n.lines.enter(ctx, user, 1)
	if err != nil {
		return nil, err
	}
	select {
	case n.all <- struct{}{}:
		return func() {
			<-n.all
			leaveLine()
		}, nil
	case <-ctx.Done():
		leaveLine()
		return nil, ctx.Err()
	}
}
