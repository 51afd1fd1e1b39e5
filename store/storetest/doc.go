// Package storetest holds one conformance suite for each contract of package store. Every driver's tests run the suites
// of the contracts that it implements; a suite asks for nothing that the contract does not promise.
//
// It knows no driver. A suite is given a function that opens a fresh, empty store for a test.
package storetest
