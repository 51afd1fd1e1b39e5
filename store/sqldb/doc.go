// Package sqldb keeps users, tokens, contents, uploads, entries, transfer jobs and garbage in an SQL database.
//
// It owns every SQL statement of the drive, and the running of migrations. It knows no rule beyond store's contracts, which
// *DB implements, and none of its sibling drivers.
//
// There is one body of SQL for all engines; what differs is in the dialect (dialect.go). The engines are SQLite (sqlite.go)
// and MySQL (mysql.go), which is tested on MariaDB 10.11. To be taken by MySQL 8 and TiDB too, statements use no RETURNING,
// no ON CONFLICT, no SKIP LOCKED, no partial or expression index, no update of a table that a subquery selects from, and
// recursive queries in SELECT only.
//
// One exported method is one transaction, but for two, which say so: CountRefs and FinishTransfer. A method that changes
// something is not interrupted once it has begun: a caller who goes away gets all of it or nothing. SQLite has one writer;
// those that wait for it share a commit, each in a savepoint (turns.go), and return when it is durable. On MySQL each is a
// transaction of the pool (alone.go), in READ COMMITTED, and InnoDB shares what it can. A deadlock, a lock that was waited for
// too long, or a connection lost before the commit make it begin anew; a commit whose answer was lost is told as
// store.ErrUnavailable, and its repeat by the caller does no harm.
//
// Where SQLite has transactions one after the other, MySQL has row locks:
//   - What belongs to one user (the tree, its names and numbers, the quota, uploads) changes under a lock of the user's row.
//   - A content, its references, its place and its job change under a lock of the content's row.
//   - A place is made used, or garbage, by writing the row that says so first and then looking, with a read that locks,
//     for one that says the opposite.
//
// They are taken in one order (users by number, upload, contents, job, spares, entries, garbage), so that a deadlock is rare.
//
// A user's listing may come from a replica of MySQL (replica.go); all else, and each listing for which that would be too old,
// comes from the primary.
package sqldb
