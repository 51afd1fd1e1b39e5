// Package memory keeps chunk progress, challenges, leadership and the registry of nodes inside the process: the embedded default, where one
// process is the whole drive. It is also what tests use in the place of a shared store that is slow, flushed or down
// (the Now and Fault hooks).
//
// It owns the bounds that keep its memory from growing: records expire, expired ones are swept by the calls that come
// later (no goroutine runs), and challenges are capped per user and in total, the oldest going first. Everything here
// may be forgotten at any time; staging and SQL are the truth, and nothing in this package knows them.
package memory
