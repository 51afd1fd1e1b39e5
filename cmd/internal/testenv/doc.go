// Package testenv builds and starts real servers for tests, benchmarks and the demo: privately, on a free port and a
// directory of their own, so that they can be killed and started again at any moment.
//
// It knows processes and nothing of the drive's packages.
package testenv
