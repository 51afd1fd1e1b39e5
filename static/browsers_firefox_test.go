package static_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// firefoxPrefs let Firefox be driven at any free port, say on its standard output what pages do wrong, and save what is
// downloaded without a question.
const firefoxPrefs = `
user_pref("marionette.port", 0);
user_pref("toolkit.legacyUserProfileCustomizations.stylesheets", true);
user_pref("browser.dom.window.dump.enabled", true);
user_pref("devtools.console.stdout.content", true);
user_pref("browser.download.folderList", 2);
user_pref("browser.download.dir", %q);
user_pref("browser.download.always_ask_before_handling_new_types", false);
user_pref("browser.download.alwaysOpenPanel", false);
user_pref("ui.prefersReducedMotion", 1);
user_pref("browser.shell.checkDefaultBrowser", false);
user_pref("datareporting.policy.dataSubmissionEnabled", false);
user_pref("app.normandy.enabled", false);
user_pref("network.captive-portal-service.enabled", false);
user_pref("network.connectivity-service.enabled", false);
`

// startFirefox starts a headless Firefox with an empty profile of its own.
func startFirefox(t *testing.T) *driven {
	t.Helper()
	dir := home(t)
	profile, downloads := filepath.Join(dir, "profile"), filepath.Join(dir, "downloads")
	if err := os.MkdirAll(downloads, 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, profile, "user.js", fmt.Sprintf(firefoxPrefs, downloads))
	write(t, profile, "chrome/userChrome.css", ":root { min-width: 0 !important }") // phones are narrower
	log, err := os.OpenFile(filepath.Join(dir, "console.log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	p := startProgram(t, dir, nil, "firefox-esr", "--headless", "--no-remote", "--marionette", "--profile", profile)
	go func() {
		defer log.Close()
		_, _ = io.Copy(log, p.out) // until it ends
	}()
	m := &marionette{}
	awaitProgram(t, p, func() error {
		port, err := os.ReadFile(filepath.Join(profile, "MarionetteActivePort"))
		if err != nil {
			return err
		}
		return m.dial(string(port))
	})
	s := &driven{wire: m, downloads: downloads, logs: []string{log.Name(), p.messages()}}
	s.begin(t, nil)
	return s
}

// awaitProgram waits until a program can be talked to.
func awaitProgram(t *testing.T, p *program, ready func() error) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for {
		err := ready()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			said, _ := os.ReadFile(p.messages())
			t.Fatalf("%s does not answer: %v\n%s", p.name, err, said)
		}
		time.Sleep(10 * time.Millisecond) // until the next look
	}
}

// marionette carries WebDriver to Firefox without the program between the two that would speak HTTP: each command is
// [0, number, name, parameters], each answer [1, number, error, result], with their length and a colon in front.
type marionette struct {
	conn   net.Conn
	in     *bufio.Reader
	number int
}

func (m *marionette) dial(port string) (err error) {
	if m.conn, err = net.Dial("tcp", "127.0.0.1:"+port); err != nil {
		return err
	}
	m.in = bufio.NewReader(m.conn)
	_, err = m.read() // it greets
	return err
}

func (m *marionette) do(ctx context.Context, command string, params map[string]any) (json.RawMessage, error) {
	m.number++
	if params == nil {
		params = map[string]any{}
	}
	message, err := json.Marshal([]any{0, m.number, "WebDriver:" + command, params})
	if err != nil {
		return nil, err
	}
	deadline, _ := ctx.Deadline() // none is none
	if err := m.conn.SetDeadline(deadline); err != nil {
		return nil, err
	}
	if _, err := fmt.Fprintf(m.conn, "%d:%s", len(message), message); err != nil {
		return nil, fmt.Errorf("%s: %w", command, err)
	}
	answer, err := m.read()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", command, err)
	}
	return result(command, answer)
}

func (m *marionette) read() ([]byte, error) {
	length, err := m.in.ReadString(':')
	if err != nil {
		return nil, err
	}
	n, err := strconv.Atoi(strings.TrimSuffix(length, ":"))
	if err != nil {
		return nil, err
	}
	message := make([]byte, n)
	_, err = io.ReadFull(m.in, message)
	return message, err
}

// result reads an answer; where the result has but one value, it is that, as over HTTP.
func result(command string, answer []byte) (json.RawMessage, error) {
	var parts [4]json.RawMessage
	if err := json.Unmarshal(answer, &parts); err != nil {
		return nil, fmt.Errorf("%s: %w", command, err)
	}
	var failure *struct{ Error, Message string }
	if err := json.Unmarshal(parts[2], &failure); err != nil {
		return nil, fmt.Errorf("%s: %w", command, err)
	}
	if failure != nil {
		return nil, errors.New(command + ": " + failure.Error + ": " + failure.Message)
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(parts[3], &fields); err == nil && len(fields) == 1 && fields["value"] != nil {
		return fields["value"], nil
	}
	return parts[3], nil
}
