// Package mq is the doorbell of the transfer workers: the message that says "there may be a job", and the contract of
// the queue that carries it. The job itself is a row in SQL. A message may be lost, doubled or late; none of that may
// lose a transfer or do it twice.
//
// Drivers are in subfolders (memory, rabbit) and pass the suite in mq/mqtest. Nothing here knows SQL, blobs or
// HTTP.
package mq

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
)

// ErrClosed: the queue was closed.
var ErrClosed = errors.New("mq: queue is closed")

// DestStoreType tells in a message what kind of store the blob is to be moved to, numbered as the original does.
type DestStoreType int

// The kinds of store in a message.
const (
	StoreLocal DestStoreType = 1
	StoreCeph  DestStoreType = 2
	StoreOSS   DestStoreType = 3
)

// A Message is the wake-up for one transfer, in the original's format. On reading only FileHash counts.
type Message struct {
	FileHash      string // 40 hexadecimal characters
	CurLocation   string
	DestLocation  string
	DestStoreType DestStoreType
}

// ParseMessage reads the JSON body of a message. It does not check the hash.
func ParseMessage(body []byte) (Message, error) {
	var m Message
	if err := json.Unmarshal(body, &m); err != nil {
		return Message{}, fmt.Errorf("mq: message: %w", err)
	}
	return m, nil
}

// A Queue carries messages from the services to the workers.
type Queue interface {
	// Publish hands a message over. When it returns nil the queue has taken responsibility for it, as far as that
	// engine can. It does not wait for a consumer. An engine that is down fails it within seconds, with an error that
	// wraps store.ErrUnavailable; the message may have got there nevertheless.
	Publish(ctx context.Context, m Message) error
	// Consume calls fn for each message, in up to workers goroutines, until ctx ends, and returns ctx's error then. No
	// message waits behind a busy worker while another, here or in another process, is free.
	// fn returning nil settles the message. Any error has it delivered again later, a few times, and then set aside
	// in the error queue; an error that wraps ErrReject sets it aside at once. An error after ctx has ended gives it
	// back. Connection trouble is mended inside.
	Consume(ctx context.Context, workers int, fn func(context.Context, Message) error) error
	// Check returns nil if messages can be published now, else an error as Publish does.
	Check(ctx context.Context) error
	// Close ends the queue; running Consume calls return as if ctx had ended, with ErrClosed. It does not wait for them.
	Close() error
}

// ErrReject marks a message that no repetition can help.
var ErrReject = errors.New("mq: message rejected")
