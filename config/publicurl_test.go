package config_test

import (
	"strings"
	"testing"
)

// The drive works at the root of a host only, so a public URL with a path is refused at start-up.
func TestPublicURLHasNoPath(t *testing.T) {
	t.Parallel()
	for value, ok := range map[string]bool{
		"https://drive.example.com": true, "https://drive.example.com/": true, "http://[::1]:8080": true,
		"https://drive.example.com/drive": false, "https://drive.example.com/drive/": false, "https://drive.example.com/%2e": false,
		"ftp://drive.example.com": false,
	} {
		_, err := load(t, "", []string{"BLINKDRIVE_PUBLIC_URL=" + value})
		if ok && err == nil {
			continue
		}
		if ok {
			t.Errorf("%s: %v", value, err)
			continue
		}
		if m := mistakes(t, err); len(m) != 1 || !strings.Contains(m[0], "drive.example.com") {
			t.Errorf("%s: %v", value, err)
		}
	}
}
