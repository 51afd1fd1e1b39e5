// Package store is the vocabulary of the drive's storage: value types, sentinel errors and the small contracts that
// the drivers in its subfolders keep (sqldb, disk, memory, redis, s3).
//
// It owns the meaning of a digest, a content, an entry, an upload, a chunk, a location and of garbage, and what each
// storage operation promises about durability, idempotence and concurrency. It knows no driver, no rule of the drive
// (service owns those) and no wire format.
//
// Every contract has one conformance suite in store/storetest that all its drivers pass.
//
// Unless a method says otherwise: it is safe for concurrent use; a nil error from a method that writes means that the
// change survives a killed process and, for SQL, a power cut; a method that fails has changed nothing; and an error
// that a caller can act on wraps one of the sentinels in errors.go, any other error being a fault of the machine.
package store
