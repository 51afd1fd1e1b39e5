package redis

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"syscall"

	"github.com/gomodule/redigo/redis"

	"github.com/blinkdrive/blinkdrive/store"
)

// passing are the first words of answers that say "not now", rather than "not so".
var passing = []string{
	"LOADING", "BUSY", "CLUSTERDOWN", "TRYAGAIN", "MASTERDOWN", "READONLY", "OOM", "MISCONF", "NOREPLICAS", "MOVED", "ASK",
}

var (
	errClosed   = errors.New("closed")
	errNoAnswer = errors.New("no response in time")
)

// explain makes the error of a call out of what went wrong. What a server answered is its word on the call, unless it is
// a passing trouble; everything else is trouble in reaching it.
func explain(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	switch {
	case err == nil:
		return nil
	case errors.Is(err, context.Canceled):
		return fmt.Errorf("redis: %w", err)
	case unavailable(err):
		return fmt.Errorf("redis: %w: %w", store.ErrUnavailable, err)
	}
	return fmt.Errorf("redis: %w", err)
}

func unavailable(err error) bool {
	var answer redis.Error
	if !errors.As(err, &answer) {
		return err != nil
	}
	word, _, _ := strings.Cut(string(answer), " ")
	return slices.Contains(passing, word) || strings.Contains(string(answer), "max number of clients")
}

// cut reports whether a connection was lost that had been there. A server that has restarted leaves a pool full of them.
func cut(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}
