package config

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// set parses and checks the text of one option and stores it.
func set(field reflect.Value, o Option, s string) error {
	value, err := parse(field.Type(), s)
	if err != nil {
		return err
	}
	if err := check(o.field.Tag, value); err != nil {
		return err
	}
	field.Set(reflect.ValueOf(value))
	return nil
}

func check(tag reflect.StructTag, value any) error {
	if tag.Get("need") != "" && format(value) == "" {
		return errors.New("must not be empty")
	}
	var errs []error
	for _, s := range texts(value) {
		errs = append(errs, oneOf(tag, s), checks[tag.Get("check")](s))
	}
	return joined(append(errs, atLeast(tag, value)))
}

// texts returns the parts of a value that a check looks at one by one.
func texts(value any) []string {
	switch v := value.(type) {
	case string:
		return []string{v}
	case []string:
		return v
	}
	return nil
}

// oneOf checks an option that has but a few values.
func oneOf(tag reflect.StructTag, s string) error {
	list, ok := tag.Lookup("one")
	if !ok || slices.Contains(split(list), s) {
		return nil
	}
	return fmt.Errorf("%q is not one of %s", s, strings.Join(split(list), ", "))
}

func atLeast(tag reflect.StructTag, value any) error {
	s, ok := tag.Lookup("min")
	if !ok {
		return nil
	}
	least, err := parse(reflect.TypeOf(value), s)
	if err != nil {
		return err
	}
	if number(value) < number(least) {
		return fmt.Errorf("must be at least %s, got %s", s, format(value))
	}
	return nil
}

func number(v any) int64 {
	switch v := v.(type) {
	case int:
		return int64(v)
	case Size:
		return int64(v)
	case time.Duration:
		return int64(v)
	}
	panic(fmt.Sprintf("config: %T has no minimum", v))
}

// checks are the forms that a text may have to have.
var checks = map[string]func(string) error{
	"":        func(string) error { return nil },
	"address": optional(checkAddress),
	"node":    optional(checkNode),
	"secret":  optional(checkSecret),
	"url":     optional(checkURL),
	"public":  optional(checkPublicURL),
	"origin":  checkOrigin,
	"db":      checkDB,
	"replica": optional(checkMySQL),
	"redis":   optional(checkScheme("redis", "rediss")),
	"mq":      optional(checkScheme("amqp", "amqps")),
	"prefix":  optional(checkPrefix),
}

func optional(check func(string) error) func(string) error {
	return func(s string) error {
		if s == "" {
			return nil
		}
		return check(s)
	}
}

func checkAddress(s string) error {
	_, port, err := net.SplitHostPort(s)
	if _, perr := strconv.ParseUint(port, 10, 16); err != nil || perr != nil {
		return fmt.Errorf("%q is not a valid address; use HOST:PORT, such as :8080 or 127.0.0.1:8080", s)
	}
	return nil
}

func checkNode(s string) error {
	foreign := func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') }
	if len(s) > 32 || strings.ContainsFunc(s, foreign) {
		return fmt.Errorf("%q is not a valid node name; use 1 to 32 characters of a-z and 0-9", s)
	}
	return nil
}

func checkSecret(s string) error {
	if len(s) < 32 {
		return errors.New("must have at least 32 characters")
	}
	return nil
}

func checkURL(s string) error {
	u, err := url.Parse(s)
	if err != nil || u.User != nil {
		return errors.New("not a valid URL; use one such as https://drive.example.com, without a user name or password") // nor shown
	}
	if (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
		return fmt.Errorf("%q is not a valid URL; use one such as https://drive.example.com", s)
	}
	return nil
}

// checkPublicURL refuses a path: the page, its links and the redirects after forms are at the root of the host.
func checkPublicURL(s string) error {
	if err := checkURL(s); err != nil {
		return err
	}
	if u, err := url.Parse(s); err != nil || strings.Trim(u.Path, "/") != "" {
		return fmt.Errorf("%q has a path; the drive must be at the root of a host, such as https://drive.example.com", s)
	}
	return nil
}

func checkOrigin(s string) error {
	if u, err := url.Parse(s); err != nil || checkURL(s) != nil || u.Path != "" {
		return fmt.Errorf("%q is not a valid origin; use one such as https://app.example.com", s)
	}
	return nil
}

func checkDB(s string) error {
	if s == "sqlite" || checkMySQL(s) == nil {
		return nil
	}
	return errors.New("must be sqlite, or mysql: followed by a DSN, such as mysql:app:PASSWORD@tcp(127.0.0.1:3306)/drive")
}

// checkMySQL leaves the DSN to its driver. What it says bears no part of the value, which has a password in it.
func checkMySQL(s string) error {
	if dsn, ok := strings.CutPrefix(s, mysqlPrefix); !ok || dsn == "" {
		return errors.New("must be mysql: followed by a DSN, such as mysql:app:PASSWORD@tcp(127.0.0.1:3306)/drive")
	}
	return nil
}

func checkScheme(schemes ...string) func(string) error {
	return func(s string) error {
		scheme, rest, ok := strings.Cut(s, "://")
		if !ok || !slices.Contains(schemes, scheme) || rest == "" {
			return fmt.Errorf("must be a URL that begins with %s://", strings.Join(schemes, ":// or "))
		}
		return nil
	}
}

// checkPrefix keeps keys clean: a key is the prefix, a slash and the blob's name below two folders.
func checkPrefix(s string) error {
	for part := range strings.SplitSeq(s, "/") {
		if part == "" || part == "." || part == ".." || strings.ContainsFunc(part, func(r rune) bool { return r <= ' ' || r > '~' }) {
			return fmt.Errorf("%q is not a valid prefix; use one such as drive or team/drive", s)
		}
	}
	return nil
}

// contradictions are mistakes that no single value shows.
func (c *Config) contradictions() Mistakes {
	var m Mistakes
	wrong := func(is bool, text string) {
		if is {
			m = append(m, text)
		}
	}
	wrong(c.AdminListen != "" && c.AdminListen == c.Listen && !strings.HasSuffix(c.Listen, ":0"),
		"admin.listen and listen must be different addresses")
	wrong(c.DBReplica != "" && !c.MySQL(), "db_replica: only MySQL has replicas, but db is sqlite")
	wrong((c.MySQL() || c.Redis != "") && c.Secret == "",
		"secret: required with MySQL or Redis; use the same value for all processes")
	wrong(c.S3() && c.S3Bucket == "", "s3.bucket: required for "+c.Store)
	wrong((c.Store == "ceph" || c.Store == "minio") && c.S3Endpoint == "", "s3.endpoint: required for "+c.Store)
	wrong(c.Store == "oss" && c.S3Endpoint == "" && c.S3Region == "", "s3.endpoint or s3.region: required for oss")
	wrong((c.S3AccessKey == "") != (c.S3SecretKey == ""), "s3.access_key and s3.secret_key must be set together")
	return m
}
