package rabbit

import (
	"crypto/tls"
	"log/slog"
	"time"
)

// Options are the names and bounds of a queue. The zero value means the defaults.
type Options struct {
	Exchange   string // uploadserver.trans
	RoutingKey string // oss
	Queue      string // uploadserver.trans.oss
	ErrorQueue string // Queue + ".err"

	Deliveries int           // of a message whose consumer fails, before it is set aside; 4
	Delay      time.Duration // before the second delivery, four times as much before each further one, up to 1,024 times; 1 s
	MaxErrors  int           // messages in the error queue, the oldest making room; 10,000

	Timeout    time.Duration // of a publish, and of each step with the broker; 5 s
	Heartbeat  time.Duration // 10 s; a line that is silent for one and a half of them is dead
	MinBackoff time.Duration // between attempts to connect; 0.5 s
	MaxBackoff time.Duration // 30 s

	Name string       // of the connections, as the broker shows them; blinkdrive
	TLS  *tls.Config  // for amqps://; the system's authorities
	Log  *slog.Logger // changes of state, and messages that are set aside; none
}

func (o Options) withDefaults() Options {
	orString(&o.Exchange, "uploadserver.trans")
	orString(&o.RoutingKey, "oss")
	orString(&o.Queue, "uploadserver.trans.oss")
	orString(&o.ErrorQueue, o.Queue+".err")
	orString(&o.Name, "blinkdrive")
	orNumber(&o.Deliveries, 4)
	orNumber(&o.MaxErrors, 10_000)
	orNumber(&o.Delay, time.Second)
	orNumber(&o.Timeout, 5*time.Second)
	orNumber(&o.Heartbeat, 10*time.Second)
	orNumber(&o.MinBackoff, 500*time.Millisecond)
	orNumber(&o.MaxBackoff, 30*time.Second)
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}

func orString(s *string, otherwise string) {
	if *s == "" {
		*s = otherwise
	}
}

func orNumber[T int | time.Duration](n *T, otherwise T) {
	if *n <= 0 {
		*n = otherwise
	}
}
