package config_test

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"github.com/blinkdrive/blinkdrive/config"
)

func load(t *testing.T, file string, env []string, args ...string) (config.Config, error) {
	t.Helper()
	s := config.Sources{Env: env, Flags: pflag.NewFlagSet("test", pflag.ContinueOnError)}
	config.AddFlags(s.Flags)
	if err := s.Flags.Parse(args); err != nil {
		t.Fatal(err)
	}
	if file != "" {
		s.File = filepath.Join(t.TempDir(), "drive.yaml")
		if err := os.WriteFile(s.File, []byte(file), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return config.Load(s)
}

func mistakes(t *testing.T, err error) config.Mistakes {
	t.Helper()
	m, ok := errors.AsType[config.Mistakes](err)
	if err != nil && !ok {
		t.Fatalf("the error is not a list of mistakes: %v", err)
	}
	return m
}

func TestDefaults(t *testing.T) {
	t.Parallel()
	c := config.Default()
	for _, check := range []struct{ got, want any }{
		{c.Listen, ":8080"},
		{c.Data, "./data"},
		{c.DB, "sqlite"},
		{c.Objects, "data/objects"},
		{c.Roles, []string{"api", "transfer", "sweeper"}},
		{c.DefaultQuota, config.Size(10 << 30)},
		{c.MaxFileSize, config.Size(1 << 40)},
		{c.MaxOpenUploads, 100},
		{c.MinFreeSpace, config.Size(1 << 30)},
		{c.UploadTTL, 24 * time.Hour},
		{c.DoneUploadTTL, 7 * 24 * time.Hour},
		{c.GarbageGrace, 10 * time.Minute},
		{c.ChunkDeadline, 30 * time.Second},
		{c.InstantProof, true},
		{c.SignupOpen, true},
		{c.Secret, ""},
		{c.TransferWorkers, 2},
		{c.TransferLease, time.Minute},
	} {
		if !reflect.DeepEqual(check.got, check.want) {
			t.Errorf("got %v, want %v", check.got, check.want)
		}
	}
}

func TestLaterSourcesCountMore(t *testing.T) {
	t.Parallel()
	file := `
listen: ":1"
upload:
  ttl: 1h
  max_open: 7
log: {level: warn}
trusted_proxies: [10.1.2.3/8, "::1"]
instant: {proof: off}
`
	env := []string{"BLINKDRIVE_UPLOAD_TTL=2h", "BLINKDRIVE_LOG_LEVEL=error", "BLINKDRIVE_DATA=", "HOME=/root"}
	c, err := load(t, file, env, "--log-level=debug", "--signup-open=off")
	if err != nil {
		t.Fatal(err)
	}
	if c.Listen != ":1" || c.UploadTTL != 2*time.Hour || c.MaxOpenUploads != 7 || c.LogLevel != "debug" || c.Data != "./data" {
		t.Errorf("got %s", c.Dump())
	}
	if c.InstantProof || c.SignupOpen {
		t.Error("what was switched off is on")
	}
	want := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("::1/128")}
	if !reflect.DeepEqual(c.TrustedProxies, want) {
		t.Errorf("trusted proxies: %v, want %v", c.TrustedProxies, want)
	}
}

func TestFileByFlag(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "x.yaml")
	if err := os.WriteFile(name, []byte("listen: ':2'"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := load(t, "listen: ':1'", nil, "--config", name)
	if err != nil || c.Listen != ":2" {
		t.Errorf("listen is %q, %v", c.Listen, err)
	}
}

func TestAllMistakesAtOnce(t *testing.T) {
	t.Parallel()
	file := `
listne: ":1"
upload: {ttl: soon, max_size: -5}
quota: {default: {a: 1}}
roles: []
`
	env := []string{
		"BLINKDRIVE_LOG_LEVEL=loud", "BLINKDRIVE_SECRET=tiny", "BLINKDRIVE_PORT=80",
		"BLINKDRIVE_TEST_SHORT=1", "BLINKDRIVE_FAILPOINT=x", "BLINKDRIVE_TRUSTED_PROXIES=here,10.0.0.0/8,there",
	}
	_, err := load(t, file, env, "--transfer-workers=0", "--node=Node-1", "--cors-origins=https://a.example,*", "--listen=8080")
	got := mistakes(t, err)
	for _, want := range []string{
		"listne", "drive.yaml: upload.ttl: \"soon\"", "upload.max_size", "quota.default", "drive.yaml: roles: must not be empty",
		"BLINKDRIVE_LOG_LEVEL: \"loud\" is not one of debug, info", "BLINKDRIVE_SECRET: must have at least 32",
		"BLINKDRIVE_PORT: unknown option",
		"\"here\" is not a valid address", "\"there\" is not", "--transfer-workers: must be at least 1, got 0", "--node: \"Node-1\"", "--cors-origins: \"*\"",
		"--listen: \"8080\" is not a valid address",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("nothing about %q in %v", want, err)
		}
	}
	if len(got) != 13 {
		t.Errorf("%d mistakes, want 13: %v", len(got), err)
	}
	if strings.Contains(err.Error(), "tiny") {
		t.Error("the secret is in the error")
	}
}

func TestBrokenFiles(t *testing.T) {
	t.Parallel()
	if _, err := load(t, "a: [", nil); len(mistakes(t, err)) != 1 {
		t.Errorf("broken YAML: %v", err)
	}
	if _, err := load(t, "", nil, "--config", "/nowhere/x.yaml"); len(mistakes(t, err)) != 1 {
		t.Errorf("no file: %v", err)
	}
}

// A key that is long enough.
const secret = "BLINKDRIVE_SECRET=0123456789abcdef0123456789abcdef"

func TestEngines(t *testing.T) {
	t.Parallel()
	c, err := load(t, "s3: {bucket: b, region: eu-1}", []string{
		secret, "BLINKDRIVE_DB=mysql:app:s3cret@tcp(127.0.0.1:3306)/drive", "BLINKDRIVE_DB_REPLICA=mysql:app:s3cret@tcp(h)/drive",
		"BLINKDRIVE_REDIS=redis://:s3cret@h:1,i:2", "BLINKDRIVE_MQ=amqp://a:s3cret@h/", "BLINKDRIVE_STORE=ceph",
		"BLINKDRIVE_S3_ENDPOINT=https://rgw.example", "BLINKDRIVE_S3_ACCESS_KEY=a", "BLINKDRIVE_S3_SECRET_KEY=s3cret",
		"BLINKDRIVE_S3_PREFIX=team/drive", "BLINKDRIVE_TRANSFER_BANDWIDTH=10MiB", "BLINKDRIVE_DOWNLOAD_POLICY=redirect",
	})
	if err != nil || !c.MySQL() || !c.S3() || c.S3Bucket != "b" || c.S3Region != "eu-1" || c.TransferBandwidth != 10<<20 {
		t.Fatalf("%+v, %v", c, err)
	}
	if dump := c.Dump(); strings.Contains(dump, "s3cret") {
		t.Errorf("a password is not hidden:\n%s", dump)
	}
	if d := config.Default(); d.MySQL() || d.S3() {
		t.Error("the default is not embedded")
	}
}

// A password in a place where none belongs is not repeated.
func TestPasswordsInWrongPlaces(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"S3_ENDPOINT", "S3_PUBLIC_ENDPOINT", "NODE_URL", "PUBLIC_URL"} {
		_, err := load(t, "", []string{"BLINKDRIVE_" + name + "=http://u:s3cret@h"})
		if m := mistakes(t, err); len(m) != 1 || strings.Contains(m[0], "s3cret") {
			t.Errorf("%s: %v", name, err)
		}
	}
	c := config.Default()
	for _, value := range []string{
		"redis://s3cret@host", "redis://:s3cret host", "amqps://h?password=s3cret", "amqps://u:s3cret@h?password=s3cret",
		"mysql:u:s3cret", "mysql:u:p@tcp(h)/d?password=s3cret", "mysql:u:s3cret@tcp(h)/d",
	} {
		c.DB, c.Redis, c.MQ = value, value, value
		if dump := c.Dump(); strings.Contains(dump, "s3cret") {
			t.Errorf("%s is shown", value)
		}
	}
	c.DB, c.Redis, c.MQ = "sqlite", "redis://h:1,i:2/0", "amqp://h:1/vhost"
	if dump := c.Dump(); strings.Contains(dump, "hidden") {
		t.Errorf("too much is hidden:\n%s", dump)
	}
}

// What cannot be meant is one mistake, and none tells a password.
func TestWrongEngines(t *testing.T) {
	t.Parallel()
	for _, env := range [][]string{
		{"BLINKDRIVE_DB=postgres://app:s3cret@h/drive"},
		{"BLINKDRIVE_DB=mysql:"},
		{"BLINKDRIVE_REDIS=http://:s3cret@h"},
		{"BLINKDRIVE_REDIS=h:6379"},
		{"BLINKDRIVE_MQ=kafka://a:s3cret@h"},
		{"BLINKDRIVE_STORE=tape"},
		{"BLINKDRIVE_DOWNLOAD_POLICY=carrier pigeon"},
		{"BLINKDRIVE_S3_PREFIX=/drive"},
		{"BLINKDRIVE_S3_PREFIX=a/../b"},
	} {
		_, err := load(t, "", append(env, secret))
		if m := mistakes(t, err); len(m) != 1 || strings.Contains(m[0], "s3cret") {
			t.Errorf("%s: %v", env, err)
		}
	}
}

func TestContradictions(t *testing.T) {
	t.Parallel()
	const endpoint, bucket = "BLINKDRIVE_S3_ENDPOINT=http://h", "BLINKDRIVE_S3_BUCKET=b"
	for _, c := range []struct {
		want string
		env  []string
	}{
		{"admin.listen", []string{"BLINKDRIVE_ADMIN_LISTEN=:8080"}},
		{"db_replica", []string{secret, "BLINKDRIVE_DB_REPLICA=mysql:x"}},
		{"secret", []string{"BLINKDRIVE_DB=mysql:x"}},
		{"secret", []string{"BLINKDRIVE_REDIS=redis://h:1"}},
		{"s3.bucket", []string{"BLINKDRIVE_STORE=aws"}},
		{"s3.bucket", []string{"BLINKDRIVE_STORE=oss", endpoint}},
		{"s3.endpoint", []string{"BLINKDRIVE_STORE=minio", bucket}},
		{"s3.region", []string{"BLINKDRIVE_STORE=oss", bucket}},
		{"s3.secret_key", []string{"BLINKDRIVE_STORE=ceph", endpoint, bucket, "BLINKDRIVE_S3_ACCESS_KEY=a"}},
	} {
		_, err := load(t, "", c.env)
		if m := mistakes(t, err); len(m) != 1 || !strings.Contains(m[0], c.want) {
			t.Errorf("%s: %v, want a mistake of %s", c.env, err, c.want)
		}
	}
}

func TestDumpHidesSecretsAndReadsBack(t *testing.T) {
	t.Parallel()
	c, err := load(t, "", []string{secret, "BLINKDRIVE_TOKEN_TTL=90m", "BLINKDRIVE_CORS_ORIGINS=https://a.example,https://b.example"})
	if err != nil {
		t.Fatal(err)
	}
	dump := c.Dump()
	if strings.Contains(dump, "0123456789abcdef") || !strings.Contains(dump, "BLINKDRIVE_SECRET=(hidden)\n") {
		t.Errorf("the secret is not hidden:\n%s", dump)
	}
	c.Secret = ""
	again, err := load(t, "", strings.Split(strings.TrimSpace(c.Dump()), "\n"))
	if err != nil || !reflect.DeepEqual(again, c) {
		t.Errorf("reading the dump gives %+v, %v; want %+v", again, err, c)
	}
	c.DB = "mysql:app:p@ss:w@tcp(127.0.0.1:3306)/drive"
	c.MQ = "amqp://app:p@ss@host/"
	if dump = c.Dump(); strings.Contains(dump, "p@ss") || strings.Contains(dump, "ss:w") || !strings.Contains(dump, "@host/") {
		t.Errorf("a password is not hidden:\n%s", dump)
	}
}

func TestOptionsAreNamedOnce(t *testing.T) {
	t.Parallel()
	seen := make(map[string]bool)
	for _, o := range config.Options() {
		for _, name := range []string{o.Key, o.Env, "--" + o.Flag} {
			if seen[name] && name != o.Key {
				t.Errorf("%s is used twice", name)
			}
			seen[name] = true
		}
		if o.Key == "" || o.Help == "" {
			t.Errorf("option %+v has no name or no help", o)
		}
	}
}

func TestRoles(t *testing.T) {
	t.Parallel()
	c, err := load(t, "", []string{"BLINKDRIVE_ROLES=api, sweeper"})
	if err != nil || !c.HasRole("api") || !c.HasRole("sweeper") || c.HasRole("transfer") {
		t.Errorf("roles %q, %v", c.Roles, err)
	}
	if _, err := load(t, "", []string{"BLINKDRIVE_ROLES=api,cook"}); len(mistakes(t, err)) != 1 {
		t.Errorf("an unknown role: %v", err)
	}
}
