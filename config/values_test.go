package config_test

import (
	"testing"
	"time"

	"github.com/blinkdrive/blinkdrive/config"
)

func TestSizes(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]config.Size{
		"0": 0, "4096": 4096, "1KiB": 1 << 10, "10GiB": 10 << 30, "10 gib": 10 << 30, "1.5MiB": 3 << 19, "500MB": 500e6, "1TiB": 1 << 40,
	} {
		got, err := config.ParseSize(s)
		if err != nil || got != want {
			t.Errorf("ParseSize(%q) = %d, %v; want %d", s, got, err, want)
		}
		if again, err := config.ParseSize(got.String()); err != nil || again != got {
			t.Errorf("%d is written %q, which reads %d, %v", got, got, again, err)
		}
	}
	for _, s := range []string{"", "-1", "ten", "1XB", "9EiB", "99999999999999999999"} {
		if n, err := config.ParseSize(s); err == nil {
			t.Errorf("ParseSize(%q) = %d", s, n)
		}
	}
}

func TestDurations(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]time.Duration{
		"0s": 0, "90s": 90 * time.Second, "24h": 24 * time.Hour, "30d": 720 * time.Hour, "1d12h": 36 * time.Hour, "1h30m": 90 * time.Minute, "250ms": time.Second / 4,
	} {
		got, err := config.ParseDuration(s)
		if err != nil || got != want {
			t.Errorf("ParseDuration(%q) = %v, %v; want %v", s, got, err, want)
		}
		if again, err := config.ParseDuration(config.FormatDuration(got)); err != nil || again != got {
			t.Errorf("%v is written %q, which reads %v, %v", got, config.FormatDuration(got), again, err)
		}
	}
	for _, s := range []string{"", "5", "-1s", "1d-2h", "soon", "d", "1.5d", "65535d65535d", "99999d"} {
		if d, err := config.ParseDuration(s); err == nil {
			t.Errorf("ParseDuration(%q) = %v", s, d)
		}
	}
	if s := config.FormatDuration(10 * time.Minute); s != "10m" {
		t.Errorf("ten minutes are written %q", s)
	}
}

func FuzzValues(f *testing.F) {
	for _, s := range []string{"10GiB", "30d", "1d12h", "1e3", "0x10", "99999d", "1.5MiB"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if d, err := config.ParseDuration(s); err == nil {
			if again, err := config.ParseDuration(config.FormatDuration(d)); err != nil || again != d || d < 0 {
				t.Errorf("%q reads %v, which is written %q", s, d, config.FormatDuration(d))
			}
		}
		if n, err := config.ParseSize(s); err == nil {
			if again, err := config.ParseSize(n.String()); err != nil || again != n || n < 0 {
				t.Errorf("%q reads %d, which is written %q", s, n, n)
			}
		}
	})
}
