// Package sqldb keeps users, tokens, contents, uploads, entries, transfer jobs and garbage in an SQL database.
//
// It owns every SQL statement of the drive, and the running of migrations. It knows no rule beyond store's contracts, which
// *DB implements, and none of its sibling drivers.
//
// There is one body of SQL for all engines; what differs is in the dialect (dialect.go). SQLite is the engine today. To stay
// portable to MySQL 8, MariaDB 10.11 and TiDB, statements use no RETURNING, no ON CONFLICT, no partial or expression
// index, no update of a table that a subquery selects from, and recursive queries in SELECT only; a connection to MySQL
// must count matched rows as affected (clientFoundRows) and use READ COMMITTED.
//
// One exported method is one transaction. A method that changes something runs in a transaction of the writer, of which
// SQLite has one, and is not interrupted once it has begun: a caller who goes away gets all of it or nothing. Those that wait
// for the writer share a commit, each in a savepoint (turns.go), and return when it is durable. Changes lock in one
// order (user, upload, content, job, entries), so that engines with row locks seldom see a deadlock; it is retried.
package sqldb
