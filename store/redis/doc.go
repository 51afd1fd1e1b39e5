// Package redis keeps chunk progress, challenges, leadership and the registry of nodes in Redis, on one server or on a
// Redis Cluster, for drives of more than one process. It tells of progress records that expire, too.
//
// It owns the names of the keys, their times to live, and what happens while a server is down, paused, slow, flushed or
// replaced. Nothing here is durable and nothing is the only copy: staging and SQL are the truth, and this package knows
// neither of them. A key that is gone is ErrNotFound, and whoever needs it makes it again.
//
//	MP_<uploadid>   hash: chunkcount chunksize filehash filesize node user, and chkidx_<n> for each chunk that is held
//	CH_<key>        a challenge, as JSON
//	NODE_<node>     the URL of a node that is up
//	LEADER          the node that leads
//
// Every key has a time to live. Each command and each script touches one key, so a cluster needs no more than one server
// does: redisc finds the server of a key and follows MOVED and ASK.
//
// Every call ends within Options.Timeout, or when its context does, whatever the server is doing. The call that is given
// up goes on for a moment in the background and may still take effect; each of them may be repeated. A server that cannot
// answer now is store.ErrUnavailable, and the next call finds out by itself whether it can again.
package redis
