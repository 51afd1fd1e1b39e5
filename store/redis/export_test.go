package redis

import "time"

// Hasten makes Watch notice and mend things fast enough for a test.
func (db *DB) Hasten() {
	db.pace = pace{ping: 200 * time.Millisecond, layout: 300 * time.Millisecond, least: 50 * time.Millisecond, top: 500 * time.Millisecond}
}

// Backoff returns the first n pauses between attempts.
func Backoff(n int) []time.Duration {
	b := backoff{least: defaultPace.least, top: defaultPace.top}
	pauses := make([]time.Duration, n)
	for i := range pauses {
		pauses[i] = b.next()
	}
	return pauses
}

// An Address is what a URL says.
type Address struct {
	TLS            bool
	User, Password string
	Hosts          []string
	DB             int
}

// ParseAddress reads a URL.
func ParseAddress(url string) (Address, error) {
	a, err := parseAddress(url)
	return Address{TLS: a.tls, User: a.user, Password: a.password, Hosts: a.hosts, DB: a.db}, err
}

// MissingFlags says which flags a server's notify-keyspace-events lacks.
var MissingFlags = missingFlags
