package setup_test

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/blinkdrive/blinkdrive/cmd/internal/setup"
	"github.com/blinkdrive/blinkdrive/config"
)

func TestLogHidesSecrets(t *testing.T) {
	t.Parallel()
	for _, format := range []string{"text", "json"} {
		var out bytes.Buffer
		c := config.Default()
		c.LogFormat = format
		log, err := setup.NewLogger(&out, c)
		if err != nil {
			t.Fatal(err)
		}
		log.Info("request", "token", "hush1", "Password", "hush2", "client_secret", "hush3", "Authorization", "Bearer hush4", "Set-Cookie", "a=hush5",
			slog.Group("header", "cookie", "hush6"),
			"url", "/file/query?username=alice&token=hush7&limit=3", "err", errors.New(`Get "http://h/x?id=1&sig=hush8": Authorization: Bearer hush9`))
		if s := out.String(); strings.Contains(s, "hush") || !strings.Contains(s, "username=alice") || !strings.Contains(s, "limit=3") {
			t.Errorf("%s: the log says %s", format, s)
		}
	}
}

func TestLogLevel(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	c := config.Default()
	c.LogLevel = "warn"
	log, err := setup.NewLogger(&out, c)
	if err != nil {
		t.Fatal(err)
	}
	log.Info("quiet")
	log.Warn("loud")
	if s := out.String(); strings.Contains(s, "quiet") || !strings.Contains(s, "loud") {
		t.Errorf("the log says %s", s)
	}
}
