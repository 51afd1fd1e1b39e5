//go:build linux

package main_test

import (
	"cmp"
	"fmt"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/blinkdrive/blinkdrive/store"
	"github.com/blinkdrive/blinkdrive/store/storetest"
)

// Addresses say where the real engines are. What a choice does not use may be empty.
type addresses struct {
	mysql, replica string // DSNs without a database
	redis, cluster string
	amqp           string
	s3, s3TLS, ca  string // URLs with the keys as name and password; the file with the authority of the TLS one
}

// shared are the servers that all tests of a run share.
func shared(t *testing.T) addresses {
	t.Helper()
	server := func(name string) string { return storetest.Server(t, "BLINKDRIVE_TEST_"+name) }
	return addresses{
		mysql: server("MYSQL_DSN"), replica: server("MYSQL_REPLICA_DSN"),
		redis: server("REDIS_ADDR"), cluster: server("REDIS_CLUSTER_ADDRS"), amqp: server("AMQP_URL"),
		s3: server("S3_URL"), s3TLS: server("S3_TLS_URL"), ca: server("S3_CA"),
	}
}

// A choice is an engine for each role; the empty name is the embedded one.
type choice struct{ db, redis, mq, store string }

// neighbours have each driver with at least two others, the all-real choice among them.
var neighbours = []choice{
	{"mysql", "redis", "rabbit", "ceph"},
	{"mysql", "cluster", "rabbit", "ceph over TLS"},
	{"mysql", "", "", ""},
	{"", "redis", "", "ceph"},
	{"", "cluster", "", "ceph over TLS"},
	{"", "", "rabbit", ""},
}

func (c choice) String() string {
	return strings.Join([]string{
		cmp.Or(c.db, "sqlite"), cmp.Or(c.redis, "memory"), cmp.Or(c.mq, "in-process"), cmp.Or(c.store, "disk"),
	}, ", ")
}

const e2eSecret = "the end-to-end tests' own secret, long enough"

// env is the configuration of a drive of its own on the chosen engines.
func (c choice) env(t *testing.T, at addresses) []string {
	t.Helper()
	env := []string{"BLINKDRIVE_SECRET=" + e2eSecret}
	if c.db == "mysql" {
		name := storetest.NewDatabase(t, at.mysql)
		env = append(env, "BLINKDRIVE_DB=mysql:"+storetest.WithDatabase(t, at.mysql, name))
		if at.replica != "" {
			env = append(env, "BLINKDRIVE_DB_REPLICA=mysql:"+storetest.WithDatabase(t, at.replica, name))
		}
	}
	switch c.redis {
	case "redis":
		env = append(env, "BLINKDRIVE_REDIS="+ownRedis(t, at.redis))
	case "cluster":
		env = append(env, "BLINKDRIVE_REDIS="+at.cluster)
	}
	if c.mq == "rabbit" {
		env = append(env, "BLINKDRIVE_MQ="+at.amqp)
	}
	switch c.store {
	case "ceph":
		env = append(env, bucketOf(t, at.s3)...)
	case "ceph over TLS":
		env = append(env, append(bucketOf(t, at.s3TLS), "BLINKDRIVE_S3_CA="+at.ca)...)
	}
	return env
}

// redisDBs counts the databases of Redis that were given out. It has no more than 16, and two drives in one share nothing
// but the leader of their sweepers.
var redisDBs atomic.Int32

func ownRedis(t *testing.T, addr string) string {
	t.Helper()
	u, err := url.Parse(addr)
	if err != nil {
		t.Fatal(err)
	}
	u.Path = fmt.Sprint("/", redisDBs.Add(1)%16)
	return u.String()
}

// bucketOf names a bucket that the drive is to make.
func bucketOf(t *testing.T, endpoint string) []string {
	t.Helper()
	u, err := url.Parse(endpoint)
	if err != nil {
		t.Fatal(err)
	}
	secret, _ := u.User.Password()
	key := u.User.Username()
	u.User = nil
	return []string{
		"BLINKDRIVE_STORE=ceph", "BLINKDRIVE_S3_ENDPOINT=" + u.String(), "BLINKDRIVE_S3_BUCKET=e2e-" + string(store.NewEntryID()),
		"BLINKDRIVE_S3_ACCESS_KEY=" + key, "BLINKDRIVE_S3_SECRET_KEY=" + secret,
	}
}

// TestEngines runs the main job on the real engines, in the same way as on the embedded ones.
func TestEngines(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("builds and runs the program")
	}
	at := shared(t)
	bin := build(t)
	for _, c := range neighbours {
		t.Run(c.String(), func(t *testing.T) { t.Parallel(); testStory(t, bin, c.env(t, at)...) })
	}
}
