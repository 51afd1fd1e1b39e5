// Package handler is the drive's HTTP side: one table of routes, the reading of parameters, status codes, cookies and the
// middleware around them. A handler parses, makes one call to a service and writes.
//
// It owns how a request is read and how an answer or a failure is written. What is allowed, and what it means, is owned
// by service; the wire's types and codes by handler/api. It must not know drivers, the queue or the configuration.
//
// Every request passes Server.observe (request ID, log, panics, drained bodies) and Server.dispatch (route, method,
// parameters, origin, authentication). A handler returns an error and nothing else to fail; Server.fail is the one place
// that turns an error into an answer.
//
// Clients read api/openapi.yaml and docs/api.md. A new route, parameter or code is described in both; tests compare them with
// the sources and with the requests and answers of all tests of this package.
package handler
