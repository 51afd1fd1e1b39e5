package setup

import (
	"fmt"
	"io"
	"log/slog"
	"regexp"
	"strings"

	"github.com/blinkdrive/blinkdrive/config"
)

// NewLogger makes a logger that shows no secrets: attributes that are named like one are hidden whole, and parameters
// named like one within texts and errors.
func NewLogger(w io.Writer, cfg config.Config) (*slog.Logger, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(cfg.LogLevel)); err != nil {
		return nil, fmt.Errorf("log level: %w", err)
	}
	opts := &slog.HandlerOptions{Level: level, ReplaceAttr: redact}
	if cfg.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(w, opts)), nil
	}
	return slog.New(slog.NewTextHandler(w, opts)), nil
}

const hidden = "(hidden)"

// secretParam finds parameters and headers in a text whose value is nobody's business.
var secretParam = regexp.MustCompile(`(?i)\b(token|password|secret|sig|proof)=[^&\s"]+|\b(Bearer|Basic) [\w.~+/=-]+`)

func redact(_ []string, a slog.Attr) slog.Attr {
	name := strings.ToLower(a.Key)
	for _, s := range []string{"token", "password", "secret", "authorization", "cookie"} {
		if strings.Contains(name, s) {
			return slog.String(a.Key, hidden)
		}
	}
	switch a.Value.Kind() {
	case slog.KindString:
		a.Value = slog.StringValue(redactText(a.Value.String()))
	case slog.KindAny:
		if err, ok := a.Value.Any().(error); ok {
			a.Value = slog.StringValue(redactText(err.Error()))
		}
	}
	return a
}

func redactText(s string) string {
	if !strings.ContainsAny(s, "= ") {
		return s
	}
	return secretParam.ReplaceAllStringFunc(s, func(m string) string {
		end := strings.IndexAny(m, "= ")
		return m[:end+1] + hidden
	})
}
