package config

import (
	"errors"
	"fmt"
	"math"
	"net/netip"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
)

// A Size is a number of bytes, written as in 10GiB, 500MB or 4096.
type Size int64

var units = []struct {
	name string
	size Size
}{{"TiB", 1 << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}}

// String writes the size exactly, in the largest unit that allows it.
func (s Size) String() string {
	for _, u := range units {
		if s != 0 && s%u.size == 0 {
			return strconv.FormatInt(int64(s/u.size), 10) + u.name
		}
	}
	return strconv.FormatInt(int64(s), 10)
}

// ParseSize reads a size.
func ParseSize(s string) (Size, error) {
	n, err := humanize.ParseBytes(s)
	if err != nil || n > math.MaxInt64 {
		return 0, fmt.Errorf("%q is not a valid size; use one such as 10GiB, 500MB or 4096", s)
	}
	return Size(n), nil
}

const day = 24 * time.Hour

// FormatDuration writes a duration as ParseDuration reads it, in days where it is full days and more than one.
func FormatDuration(d time.Duration) string {
	if d > day && d%day == 0 {
		return strconv.FormatInt(int64(d/day), 10) + "d"
	}
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// ParseDuration reads a duration as in 90s, 1h30m, 24h or 30d. It is not negative.
func ParseDuration(s string) (time.Duration, error) {
	rest, days := s, 0.0
	if before, after, ok := strings.Cut(s, "d"); ok {
		n, err := strconv.ParseUint(before, 10, 16)
		if err != nil {
			return 0, notADuration(s)
		}
		rest, days = after, float64(n)
	}
	d := time.Duration(0)
	if rest != "" || s == "" {
		var err error
		if d, err = time.ParseDuration(rest); err != nil || d < 0 {
			return 0, notADuration(s)
		}
	}
	if days*float64(day)+float64(d) > math.MaxInt64/2 {
		return 0, notADuration(s)
	}
	return time.Duration(days)*day + d, nil
}

func notADuration(s string) error {
	return fmt.Errorf("%q is not a valid duration; use one such as 90s, 24h or 30d", s)
}

func parseBool(s string) (bool, error) {
	switch strings.ToLower(s) {
	case "on", "true", "yes", "1":
		return true, nil
	case "off", "false", "no", "0":
		return false, nil
	}
	return false, fmt.Errorf("%q is not valid; use on or off", s)
}

func formatBool(b bool) string {
	if b {
		return "on"
	}
	return "off"
}

func parsePrefix(s string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(s); err == nil {
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(s)
	if err != nil {
		return netip.Prefix{}, fmt.Errorf("%q is not a valid address or network; use one such as 10.1.2.3 or 10.0.0.0/8", s)
	}
	return p.Masked(), nil
}

// text turns what a source holds into the one form that all sources share.
func text(v any) (string, error) {
	switch v := v.(type) {
	case nil:
		return "", nil
	case []any:
		parts := make([]string, len(v))
		for i := range v {
			var err error
			if parts[i], err = text(v[i]); err != nil {
				return "", err
			}
		}
		return strings.Join(parts, ","), nil
	case map[string]any:
		return "", errors.New("must be a single value, not a mapping")
	case bool:
		return formatBool(v), nil
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64), nil
	}
	return fmt.Sprint(v), nil
}

// split reads a comma-separated list.
func split(s string) []string {
	var parts []string
	for part := range strings.SplitSeq(s, ",") {
		if part = strings.TrimSpace(part); part != "" {
			parts = append(parts, part)
		}
	}
	return parts
}

// parse reads the text of an option in the type of its field.
func parse(t reflect.Type, s string) (any, error) {
	switch t {
	case reflect.TypeFor[string]():
		return s, nil
	case reflect.TypeFor[bool]():
		return parseBool(s)
	case reflect.TypeFor[int]():
		n, err := strconv.ParseInt(s, 10, 32)
		if err != nil {
			return nil, fmt.Errorf("%q is not a valid number", s)
		}
		return int(n), nil
	case reflect.TypeFor[Size]():
		return ParseSize(s)
	case reflect.TypeFor[time.Duration]():
		return ParseDuration(s)
	case reflect.TypeFor[[]string]():
		return split(s), nil
	case reflect.TypeFor[[]netip.Prefix]():
		return parsePrefixes(s)
	}
	panic("config: no parser for " + t.String())
}

func parsePrefixes(s string) ([]netip.Prefix, error) {
	var prefixes []netip.Prefix
	var errs []error
	for _, part := range split(s) {
		p, err := parsePrefix(part)
		prefixes, errs = append(prefixes, p), append(errs, err)
	}
	return prefixes, joined(errs)
}

// joined makes one line of several errors; nil ones do not count.
func joined(errs []error) error {
	var lines []string
	for _, err := range errs {
		if err != nil {
			lines = append(lines, err.Error())
		}
	}
	if lines == nil {
		return nil
	}
	return errors.New(strings.Join(lines, "; "))
}

// format writes a field's value as parse reads it.
func format(v any) string {
	switch v := v.(type) {
	case time.Duration:
		return FormatDuration(v)
	case bool:
		return formatBool(v)
	case []string:
		return strings.Join(v, ",")
	case []netip.Prefix:
		parts := make([]string, len(v))
		for i, p := range v {
			parts[i] = p.String()
		}
		return strings.Join(parts, ",")
	}
	return fmt.Sprint(v)
}
