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
	Listen  string `key:"listen" def:":8080" need:"yes" check:"address" help:"address of the HTTP server; port 0 picks a free one"`
	Data    string `key:"data" def:"./data" need:"yes" help:"folder of staging, local blobs, the SQLite database and the embedded object store"`
	Objects string `key:"objects" help:"folder of the embedded object store; objects in the data folder where not set"`

	DB          string `key:"db" def:"sqlite" need:"yes" hide:"password" check:"db" help:"database: sqlite, or mysql: and a DSN as in mysql:app:PASSWORD@tcp(127.0.0.1:3306)/drive"`
	DBReplica   string `key:"db_replica" hide:"password" check:"replica" help:"MySQL read replica for listings, as in db; empty is none"`
	Redis       string `key:"redis" hide:"password" check:"redis" help:"progress, challenges, leader and nodes in Redis, as in redis://:PASSWORD@HOST:6379/0, or rediss:// for TLS; several hosts, comma-separated, are a cluster; empty keeps them in the process"`
	MQ          string `key:"mq" hide:"password" check:"mq" help:"queue of the transfer workers in RabbitMQ, as in amqp://app:PASSWORD@HOST:5672/, or amqps:// for TLS; empty keeps it in the process"`
	Store       string `key:"store" def:"disk" need:"yes" one:"disk,ceph,oss,minio,aws" help:"object store that finished uploads are moved to"`
	S3Endpoint  string `key:"s3.endpoint" check:"url" help:"URL of the object store; aws and oss find theirs by the region"`
	S3Bucket    string `key:"s3.bucket" help:"bucket; it is made where it is missing and that is allowed"`
	S3Region    string `key:"s3.region" help:"region of the bucket"`
	S3AccessKey string `key:"s3.access_key" help:"access key; from the usual places of AWS (environment, files, instance) where not set"`
	S3SecretKey string `key:"s3.secret_key" hide:"all" help:"secret key that belongs to it"`
	S3Public    string `key:"s3.public_endpoint" check:"url" help:"address of the object store in the URLs that clients get from it; s3.endpoint where not set"`
	S3Prefix    string `key:"s3.prefix" check:"prefix" help:"what the keys of all blobs begin with, so that a bucket can be shared"`
	S3CA        string `key:"s3.ca" help:"PEM file of a certificate authority to trust besides the system's"`

	Node           string         `key:"node" check:"node" help:"name of this node, 1 to 32 of a-z and 0-9; made once and kept in the data folder where not set"`
	NodeURL        string         `key:"node_url" check:"url" help:"where other processes of the drive reach this node; this machine's name and the port of listen where not set"`
	Secret         string         `key:"secret" hide:"all" check:"secret" help:"key of signed URLs and of calls between nodes, at least 32 characters; made once and kept in the data folder where not set; with MySQL or Redis it must be set, the same for all processes"`
	PublicURL      string         `key:"public_url" check:"url" help:"what links begin with; the address that was asked where not set"`
	TrustedProxies []netip.Prefix `key:"trusted_proxies" help:"addresses (CIDR, comma-separated) whose X-Forwarded-For counts"`
	Roles          []string       `key:"roles" def:"api,transfer,sweeper" need:"yes" one:"api,transfer,sweeper" help:"what this process does"`

	DefaultQuota   Size `key:"quota.default" def:"10GiB" min:"1" help:"quota of a new user"`
	MaxFileSize    Size `key:"upload.max_size" def:"1TiB" min:"1" help:"largest file"`
	MaxOpenUploads int  `key:"upload.max_open" def:"100" min:"1" help:"unfinished uploads of one user"`
	MinFreeSpace   Size `key:"disk.min_free" def:"1GiB" min:"0" help:"space that uploads leave free on the disk"`

	UploadTTL     time.Duration `key:"upload.ttl" def:"24h" min:"1m" help:"life of an unfinished upload, renewed by progress"`
	DoneUploadTTL time.Duration `key:"upload.done_ttl" def:"7d" min:"1m" help:"how long a finished upload is remembered, so that a repeated complete gets the same answer"`
	ChunkDeadline time.Duration `key:"upload.chunk_deadline" def:"30s" min:"1s" help:"longest silence of a client while it sends"`
	StagingSync   string        `key:"staging.sync" def:"background" one:"background,chunk" help:"when a chunk is synced to the disk: in the background and at complete, or before it is acknowledged"`

	GarbageGrace time.Duration `key:"garbage.grace" def:"10m" min:"1s" help:"how long a blob stays after nothing uses it any more"`
	TrashTTL     time.Duration `key:"trash.ttl" def:"30d" min:"1m" help:"how long deleted files can be restored"`
	TokenTTL     time.Duration `key:"token.ttl" def:"30d" min:"1m" help:"life of a sign-in"`

	InstantProof   bool          `key:"instant.proof" def:"on" help:"ask for proof of possession before instant upload of content that the user does not have; off only in closed deployments"`
	InstantScope   string        `key:"instant.scope" def:"drive" one:"drive,user" help:"whose content instant upload finds: everybody's or the user's own"`
	DownloadPolicy string        `key:"download.policy" def:"stream" one:"stream,redirect" help:"how content of the object store is served: through the drive, or by sending the client there with a signed URL"`
	URLTTL         time.Duration `key:"download.url_ttl" def:"1h" min:"1s" help:"life of a signed download URL where the client names none"`
	MaxURLTTL      time.Duration `key:"download.url_max_ttl" def:"7d" min:"1h" help:"longest life of a signed download URL that a client may name"`

	TransferWorkers         int           `key:"transfer.workers" def:"2" min:"1" help:"transfers at once"`
	TransferBandwidth       Size          `key:"transfer.bandwidth" def:"0" min:"0" help:"bytes a second that the transfers of one process may take together; 0 is no limit"`
	TransferLease           time.Duration `key:"transfer.lease" def:"1m" min:"1s" help:"after which another worker takes over the transfer of one that died"`
	SignupOpen              bool          `key:"signup.open" def:"on" help:"anybody may sign up; off leaves it to the user command"`
	SigninFailuresPerMinute int           `key:"signin.failures_per_minute" def:"30" min:"1" help:"failed sign-ins, and failed proofs of possession, from one address before it has to wait"`
	CORSOrigins             []string      `key:"cors.origins" check:"origin" help:"origins (comma-separated) whose pages may call with a token"`
	Static                  string        `key:"static" help:"folder with the page's files, as static/ of the sources, read anew at each request: for editing the page; the program's own where not set"`

	ShutdownTimeout time.Duration `key:"shutdown.timeout" def:"30s" min:"0s" help:"how long running requests may take to finish after SIGTERM"`
	AdminListen     string        `key:"admin.listen" check:"address" help:"address of pprof and metrics; empty is off"`
	LogLevel        string        `key:"log.level" def:"info" one:"debug,info,warn,error" help:"least level that is logged"`
	LogFormat       string        `key:"log.format" def:"text" one:"text,json" help:"form of the log, which goes to stderr"`
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
