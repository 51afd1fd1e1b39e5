// Package memory is the queue of the embedded default, inside the process.
//
// It owns the order and the delays of redelivery, and the bound on its memory: a message is only a wake-up, so equal
// ones that wait are one, and those that would be too many are dropped, which the workers' look at the rows makes good.
// Publishing therefore never waits and never fails while the queue is open. Nothing survives the process.
//
// It knows nothing of transfers: what a message means is its consumer's business.
package memory
