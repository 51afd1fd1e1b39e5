// Package rabbit is the queue of the transfer workers on RabbitMQ.
//
// It owns the topology (a direct exchange, a quorum queue with a delivery limit, an error queue), the connections and
// their mending, and what an acknowledgement means. It knows nothing of transfers: what a message is for is its
// consumer's business, and a message that is lost, late or doubled is made good by the job's row in SQL.
//
// # Topology
//
// All of it is declared here, each time a connection begins, so that a queue that
// was deleted comes back. The dead letters of the queue go through the default exchange to the error queue, which keeps
// the newest Options.MaxErrors messages and at most 64 MiB of them, so that it cannot fill the broker's disk. A queue
// of the same name with other arguments, such as the original's classic one, is left alone: nothing can be published or
// consumed until somebody deletes it, the error says so, and transfers go on without messages.
//
// # Publishing
//
// One connection for all publishers of the process; each publish waits for its own confirm, at most Options.Timeout
// in all. Nothing is kept in memory to be sent later. An error means that the broker did not confirm, not that the
// message did not get there. A message that the exchange has no queue for is confirmed and returned; that is an error.
//
// # Consuming
//
// One connection for each Consume call, with one channel, and a subscription with a prefetch of one for each worker, so
// that no message waits behind a busy worker. A message whose consumer failed comes again after a delay. The broker
// would give it back at once, and while it waited prefetched its worker would be idle, so its subscription ends, the
// message stays unsettled for the delay, and is given back then, while the worker goes on with a new subscription. So
// the count of deliveries stays with the broker, which sets the message aside when the limit is reached, and a
// process that dies meanwhile loses nothing but the rest of the delay. Messages that a cut off consumer had
// count as delivered too, and before RabbitMQ 4.3 those that a stopped one gave back.
//
// Whatever the broker ends by itself (a subscription, because the queue was deleted; a channel; the connection) ends the
// connection, and the next one declares and subscribes anew, after a pause that grows from Options.MinBackoff to
// Options.MaxBackoff, for ever. What workers are at meanwhile goes on, and is delivered again.
//
// An acknowledgement goes to the channel that the message came from, and channels are never reopened (the library's
// own recovery is off), so a late one reaches nothing at all rather than another message.
//
// # Replay
//
// There is no function that moves messages from the error queue back. A job whose messages ended there is marked as
// failed in its row, so an old wake-up for it would be ignored; replaying the row rings anew. What is in the error queue
// is for people to read.
package rabbit
