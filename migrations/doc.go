// Package migrations is the database schema, embedded: one folder per engine with NNNN_name.up.sql and NNNN_name.down.sql,
// the latter undoing exactly the former. A file that has been released is never changed.
//
// It owns the tables and their indexes. The rules that the tables serve are store's contracts, the statements that use
// them are in store/sqldb, which also runs these files.
//
// The engines have the same steps. MySQL has one table more, which tells how far behind a replica is, and keeps all text
// as bytes (VARBINARY), so that no character set can refuse, change or liken it.
//
// What holds in every engine:
//   - A time is an integer, microseconds since 1970 UTC. A time that may be missing is NULL.
//   - A name is compared byte by byte: no case folding, no padding, no normalisation (BINARY in SQLite, VARBINARY in MySQL).
//   - Digests are lower-case hexadecimal, locations as store.Location writes them.
//   - The column id is a row number that is never used twice and never leaves the server.
//   - A flag in a unique index is 1 or NULL, so that the index binds only the rows that have it.
package migrations

import "embed"

// FS holds the folders of the engines.
//
//go:embed mysql/*.sql sqlite/*.sql
var FS embed.FS
