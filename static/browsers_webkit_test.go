package static_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// startWebKit starts WebKitGTK's little browser, which has Safari's engine, on a screen that is nowhere.
func startWebKit(t *testing.T) *driven {
	t.Helper()
	dir := home(t)
	downloads := filepath.Join(dir, "downloads")
	if err := os.MkdirAll(downloads, 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, dir, ".config/user-dirs.dirs", "XDG_DOWNLOAD_DIR=\"$HOME/downloads\"\n")
	write(t, dir, ".config/gtk-3.0/settings.ini", "[Settings]\ngtk-enable-animations=0\n")
	found, err := filepath.Glob("/usr/lib/*/webkit2gtk-4.1/MiniBrowser")
	if err != nil || len(found) == 0 {
		t.Fatal("no MiniBrowser of WebKitGTK is installed (Debian: apt-get install webkit2gtk-driver)")
	}
	port := freePort(t)
	env := []string{"DISPLAY=" + startScreen(t), "GSETTINGS_BACKEND=memory", "NO_AT_BRIDGE=1", "WEBKIT_DISABLE_DMABUF_RENDERER=1"}
	p := startProgram(t, dir, env, "WebKitWebDriver", "--port="+port)
	h := &overHTTP{url: "http://127.0.0.1:" + port}
	awaitProgram(t, p, func() error {
		_, err := h.send(t.Context(), http.MethodGet, "/status", nil)
		return err
	})
	s := &driven{wire: h, downloads: downloads, popups: true}
	s.begin(t, map[string]any{"webkitgtk:browserOptions": map[string]any{
		"binary": found[0],
		"args":   []string{"--automation", "--javascript-can-open-windows-automatically=true"},
	}})
	return s
}

// startScreen starts an X server without a screen, and returns its name.
func startScreen(t *testing.T) string {
	t.Helper()
	p := startProgram(t, home(t), nil, "Xvfb", "-displayfd", "1", "-screen", "0", "1400x1000x24", "-nolisten", "tcp")
	number, err := bufio.NewReader(p.out).ReadString('\n')
	if err != nil {
		said, _ := os.ReadFile(p.messages())
		t.Fatalf("Xvfb has not started: %v\n%s", err, said)
	}
	return ":" + strings.TrimSpace(number)
}

// freePort returns a port on which nobody listens now: the driver can be told none, but does not say then which it took.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// overHTTP carries WebDriver as its standard has it.
type overHTTP struct {
	url     string
	session string // its path
}

// calls are the methods and paths of the commands.
var calls = map[string]string{
	"NewSession":         "POST /session",
	"GetWindowHandle":    "GET /window",
	"GetWindowHandles":   "GET /window/handles",
	"SwitchToWindow":     "POST /window",
	"CloseWindow":        "DELETE /window",
	"SetWindowRect":      "POST /window/rect",
	"Navigate":           "POST /url",
	"Refresh":            "POST /refresh",
	"Back":               "POST /back",
	"Forward":            "POST /forward",
	"FindElement":        "POST /element",
	"ElementSendKeys":    "POST /element/{id}/value",
	"ExecuteAsyncScript": "POST /execute/async",
	"PerformActions":     "POST /actions",
	"TakeScreenshot":     "GET /screenshot",
}

func (h *overHTTP) do(ctx context.Context, command string, params map[string]any) (json.RawMessage, error) {
	method, path, ok := strings.Cut(calls[command], " ")
	if !ok {
		return nil, fmt.Errorf("there is no command %s", command)
	}
	if id, ok := params["id"].(string); ok {
		path = strings.ReplaceAll(path, "{id}", id)
	}
	if command != "NewSession" {
		path = h.session + path
	}
	answer, err := h.send(ctx, method, path, params)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", command, err)
	}
	if command == "NewSession" {
		var about struct{ SessionID string }
		err = json.Unmarshal(answer, &about)
		h.session = "/session/" + about.SessionID
	}
	return answer, err
}

func (h *overHTTP) send(ctx context.Context, method, path string, params map[string]any) (json.RawMessage, error) {
	if params == nil {
		params = map[string]any{}
	}
	body, err := json.Marshal(params)
	if err != nil {
		return nil, err
	}
	if method != http.MethodPost {
		body = nil
	}
	request, err := http.NewRequestWithContext(ctx, method, h.url+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	var answer struct{ Value json.RawMessage }
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		return nil, fmt.Errorf("%s: %w", response.Status, err)
	}
	if response.StatusCode == http.StatusOK {
		return answer.Value, nil
	}
	var failure struct{ Error, Message string }
	if err := json.Unmarshal(answer.Value, &failure); err != nil {
		return nil, fmt.Errorf("%s: %w", response.Status, err)
	}
	return nil, errors.New(failure.Error + ": " + failure.Message)
}
