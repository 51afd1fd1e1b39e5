package redis_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/blinkdrive/blinkdrive/store"
	"github.com/blinkdrive/blinkdrive/store/redis"
)

func TestParseAddress(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]redis.Address{
		"redis://h:1":                        {Hosts: []string{"h:1"}},
		"redis://h":                          {Hosts: []string{"h:6379"}},
		"redis://h:1/":                       {Hosts: []string{"h:1"}},
		"redis://h:1/7":                      {Hosts: []string{"h:1"}, DB: 7},
		"rediss://h:1/0":                     {TLS: true, Hosts: []string{"h:1"}},
		"redis://:pass@h:1":                  {Password: "pass", Hosts: []string{"h:1"}},
		"redis://pass@h:1":                   {Password: "pass", Hosts: []string{"h:1"}},
		"redis://anna:pass@h:1":              {User: "anna", Password: "pass", Hosts: []string{"h:1"}},
		"redis://:p%40%2F%3a@h:1":            {Password: "p@/:", Hosts: []string{"h:1"}},
		"redis://:p@/:,@h:1/2":               {Password: "p@/:,", Hosts: []string{"h:1"}, DB: 2},
		"redis://h:1,i,j:3":                  {Hosts: []string{"h:1", "i:6379", "j:3"}},
		"rediss://:s@h:1,i:2/0":              {TLS: true, Password: "s", Hosts: []string{"h:1", "i:2"}},
		"redis://[::1]:7,[fe80::1],10.0.0.1": {Hosts: []string{"[::1]:7", "[fe80::1]:6379", "10.0.0.1:6379"}},
	} {
		got, err := redis.ParseAddress(url)
		if diff := diff(want, got); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got):\n%s", url, err, diff)
		}
	}
}

func TestParseAddressRefuses(t *testing.T) {
	t.Parallel()
	for _, url := range []string{
		"", "h:1", "http://:s3cret@h:1", "redis://", "redis://:s3cret@", "redis://:s3cret@/0", "redis://:s3cret@h:port",
		"redis://:s3cret@h:1/one", "redis://:s3cret@h:1/-1", "redis://:s3cret@h:1,i:2/1", "redis://:s3cret@h:1,,i:2",
		"redis://:s3cret%zz@h:1", "redis://:s3cret@h:70000", "redis://:s3cret@::1", "redis://:s3cret@h:1/0?x=1",
	} {
		_, err := redis.Open(t.Context(), redis.Options{URL: url})
		if !errors.Is(err, store.ErrInvalid) || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: %v", url, err)
		}
	}
}
