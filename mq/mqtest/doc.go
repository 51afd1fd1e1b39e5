// Package mqtest is the conformance suite of mq.Queue. Every driver's tests run it; it asks for nothing that the contract
// does not promise.
//
// It knows no driver.
package mqtest
