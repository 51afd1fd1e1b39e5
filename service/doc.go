// Package service holds the use cases and rules of the drive: accounts, uploads, instant upload, files, downloads,
// transfers and the sweeper. It owns what is allowed, in which order things happen, and what each failure means to a user.
//
// It works on the contracts of store and mq alone. It must not know HTTP, SQL, a driver or the configuration's source.
//
// An error that a user may see is an *Error with a Kind and a short message; every other error is a fault of the machine,
// which the caller logs and shows as an internal error.
package service
