package rabbit

import (
	"errors"
	"fmt"

	amqp "github.com/rabbitmq/amqp091-go"
)

// maxErrorBytes bounds the error queue besides the number of its messages: a foreign producer's may be of any size.
const maxErrorBytes = 64 << 20

// declare makes exchange, queues and binding, or finds them as they should be. The error queue comes before the queue
// whose dead letters it takes.
func (o Options) declare(ch *amqp.Channel) error {
	if err := ch.ExchangeDeclare(o.Exchange, amqp.ExchangeDirect, true, false, false, false, nil); err != nil {
		return declared("exchange", o.Exchange, err)
	}
	_, err := ch.QueueDeclare(o.ErrorQueue, true, false, false, false, amqp.Table{
		amqp.QueueTypeArg:        amqp.QueueTypeQuorum,
		amqp.QueueMaxLenArg:      o.MaxErrors,
		amqp.QueueMaxLenBytesArg: maxErrorBytes,
	})
	if err != nil {
		return declared("queue", o.ErrorQueue, err)
	}
	_, err = ch.QueueDeclare(o.Queue, true, false, false, false, amqp.Table{
		amqp.QueueTypeArg:           amqp.QueueTypeQuorum,
		"x-delivery-limit":          o.Deliveries - 1, // of redeliveries
		"x-dead-letter-exchange":    "",
		"x-dead-letter-routing-key": o.ErrorQueue,
	})
	if err != nil {
		return declared("queue", o.Queue, err)
	}
	if err := ch.QueueBind(o.Queue, o.RoutingKey, o.Exchange, false, nil); err != nil {
		return fmt.Errorf("bind queue %q: %w", o.Queue, err)
	}
	return nil
}

// declared tells what to do where a declaration failed and waiting does not help.
func declared(kind, name string, err error) error {
	var e *amqp.Error
	if errors.As(err, &e) && e.Code == amqp.PreconditionFailed {
		return &topologyError{fmt.Errorf("%s %q exists with other properties; delete it at the broker: "+
			"it will be created again and no transfer is lost: %w", kind, name, err)}
	}
	return &topologyError{fmt.Errorf("declare %s %q: %w", kind, name, err)}
}

// A topologyError comes from a broker that answers, but does not have what we need.
type topologyError struct{ error }

func (e *topologyError) Unwrap() error { return e.error }
