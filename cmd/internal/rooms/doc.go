// Package rooms has no code, only the tests that hold the shape of the tree: which room may import which, what no room
// may do, and that migrations come in pairs.
package rooms
