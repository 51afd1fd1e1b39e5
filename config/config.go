package config

import (
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Config is everything that can be set. Of each field, key names it in the file (upload.ttl is ttl below upload), in the
// environment (BLINKDRIVE_UPLOAD_TTL) and among the flags (--upload-ttl); def is what holds where nothing is set.
type Config struct {
	Listen  string `key:"listen" def:":8080" need:"yes" check:"address" help:"address that the HTTP server listens on; port 0 picks a free port"`
	Data    string `key:"data" def:"./data" need:"yes" help:"folder for staging, local blobs, the SQLite database and the embedded object store"`
	Objects string `key:"objects" help:"folder of the embedded object store (default: objects in the data folder)"`

	DB          string `key:"db" def:"sqlite" need:"yes" hide:"password" check:"db" help:"database: sqlite, or mysql: followed by a DSN, such as mysql:app:PASSWORD@tcp(127.0.0.1:3306)/drive"`
	DBReplica   string `key:"db_replica" hide:"password" check:"replica" help:"MySQL read replica for listings, in the form of db; empty: none"`
	Redis       string `key:"redis" hide:"password" check:"redis" help:"Redis for progress, challenges, leader election and node registry, such as redis://:PASSWORD@HOST:6379/0, or rediss:// for TLS; comma-separated hosts: a cluster; empty: kept in the process"`
	MQ          string `key:"mq" hide:"password" check:"mq" help:"RabbitMQ for the transfer queue, such as amqp://app:PASSWORD@HOST:5672/, or amqps:// for TLS; empty: kept in the process"`
	Store       string `key:"store" def:"disk" need:"yes" one:"disk,ceph,oss,minio,aws" help:"object store to which finished uploads are moved"`
	S3Endpoint  string `key:"s3.endpoint" check:"url" help:"URL of the object store; optional for aws, and for oss with s3.region"`
	S3Bucket    string `key:"s3.bucket" help:"bucket name; created if missing and permitted"`
	S3Region    string `key:"s3.region" help:"region of the bucket"`
	S3AccessKey string `key:"s3.access_key" help:"access key (default: the AWS credential chain: environment, files, instance)"`
	S3SecretKey string `key:"s3.secret_key" hide:"all" help:"secret key for s3.access_key"`
	S3Public    string `key:"s3.public_endpoint" check:"url" help:"address of the object store in URLs given to clients (default: s3.endpoint)"`
	S3Prefix    string `key:"s3.prefix" check:"prefix" help:"prefix of all object keys, so that several drives can share a bucket"`
	S3CA        string `key:"s3.ca" help:"PEM file with certificate authorities to trust in addition to the system's"`

	Node           string         `key:"node" check:"node" help:"name of this node: 1 to 32 characters of a-z and 0-9 (default: generated once and kept in the data folder)"`
	NodeURL        string         `key:"node_url" check:"url" help:"URL at which other processes of the drive reach this node (default: host name and port of listen)"`
	Secret         string         `key:"secret" hide:"all" check:"secret" help:"key for signed URLs and calls between nodes, at least 32 characters (default: generated once and kept in the data folder); required with MySQL or Redis, the same for all processes"`
	PublicURL      string         `key:"public_url" check:"public" help:"base URL of links, without a path (default: the address of the request)"`
	TrustedProxies []netip.Prefix `key:"trusted_proxies" help:"proxies whose X-Forwarded-For header is trusted (addresses or CIDR ranges, comma-separated)"`
	Roles          []string       `key:"roles" def:"api,transfer,sweeper" need:"yes" one:"api,transfer,sweeper" help:"roles of this process, comma-separated"`

	DefaultQuota   Size `key:"quota.default" def:"10GiB" min:"1" help:"quota of a new user"`
	MaxFileSize    Size `key:"upload.max_size" def:"1TiB" min:"1" help:"maximum size of a file"`
	MaxOpenUploads int  `key:"upload.max_open" def:"100" min:"1" help:"maximum number of unfinished uploads per user"`
	MinFreeSpace   Size `key:"disk.min_free" def:"1GiB" min:"0" help:"disk space that uploads must leave free"`

	UploadTTL     time.Duration `key:"upload.ttl" def:"24h" min:"1m" help:"lifetime of an unfinished upload, renewed by progress"`
	DoneUploadTTL time.Duration `key:"upload.done_ttl" def:"7d" min:"1m" help:"how long a finished upload is remembered, so that a repeated complete call gets the same answer"`
	ChunkDeadline time.Duration `key:"upload.chunk_deadline" def:"30s" min:"1s" help:"maximum time without data from a client that is sending"`
	StagingSync   string        `key:"staging.sync" def:"background" one:"background,chunk" help:"when a chunk is synced to disk: in the background and on complete, or before it is acknowledged"`

	GarbageGrace time.Duration `key:"garbage.grace" def:"10m" min:"1s" help:"how long an unused blob is kept before it is deleted"`
	TrashTTL     time.Duration `key:"trash.ttl" def:"30d" min:"1m" help:"how long deleted files can be restored"`
	TokenTTL     time.Duration `key:"token.ttl" def:"30d" min:"1m" help:"lifetime of a sign-in"`

	InstantProof   bool          `key:"instant.proof" def:"on" help:"require proof of possession for instant upload of content that the user does not own; turn off only in closed deployments"`
	InstantScope   string        `key:"instant.scope" def:"drive" one:"drive,user" help:"content that instant upload searches: all of the drive, or only the user's own"`
	DownloadPolicy string        `key:"download.policy" def:"stream" one:"stream,redirect" help:"how content in the object store is served: through the drive, or by redirecting the client to a presigned URL"`
	URLTTL         time.Duration `key:"download.url_ttl" def:"1h" min:"1s" help:"default lifetime of a signed download URL"`
	MaxURLTTL      time.Duration `key:"download.url_max_ttl" def:"7d" min:"1h" help:"maximum lifetime that a client may request for a signed download URL"`

	TransferWorkers         int           `key:"transfer.workers" def:"2" min:"1" help:"number of concurrent transfers"`
	TransferBandwidth       Size          `key:"transfer.bandwidth" def:"0" min:"0" help:"bandwidth limit for all transfers of one process, in bytes per second; 0: no limit"`
	TransferLease           time.Duration `key:"transfer.lease" def:"1m" min:"1s" help:"time after which another worker takes over the transfer of a worker that died"`
	SignupOpen              bool          `key:"signup.open" def:"on" help:"let anyone sign up; if off, add users with blinkdrive user add"`
	SigninFailuresPerMinute int           `key:"signin.failures_per_minute" def:"30" min:"1" help:"failed sign-ins and failed proofs of possession allowed per client address and minute"`
	CORSOrigins             []string      `key:"cors.origins" check:"origin" help:"origins whose pages may call the API with a token, comma-separated"`
	Static                  string        `key:"static" help:"folder with the files of the web page, read at each request, for developing the page (default: built in)"`

	ShutdownTimeout time.Duration `key:"shutdown.timeout" def:"30s" min:"0s" help:"time that running requests get to finish after SIGTERM"`
	AdminListen     string        `key:"admin.listen" check:"address" help:"address for pprof and metrics; empty: off"`
	LogLevel        string        `key:"log.level" def:"info" one:"debug,info,warn,error" help:"minimum level of log messages"`
	LogFormat       string        `key:"log.format" def:"text" one:"text,json" help:"format of the log, which is written to stderr"`
}

// settle fills in what follows from other values.
func (c *Config) settle() {
	if c.Objects == "" {
		c.Objects = filepath.Join(c.Data, "objects")
	}
	c.PublicURL = strings.TrimRight(c.PublicURL, "/")
}

// HasRole reports whether this process does a role's work.
func (c *Config) HasRole(role string) bool { return slices.Contains(c.Roles, role) }

const mysqlPrefix = "mysql:"

// MySQL reports whether the database is MySQL, not SQLite.
func (c *Config) MySQL() bool { return strings.HasPrefix(c.DB, mysqlPrefix) }

// S3 reports whether the object store is one that speaks S3, not a folder.
func (c *Config) S3() bool { return c.Store != "" && c.Store != "disk" }
