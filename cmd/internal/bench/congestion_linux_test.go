package main

import (
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/blinkdrive/blinkdrive/cmd/internal/testenv"
)

// TestCongestion checks that connections which another process accepts after setCongestion have it, and that congestionOf
// also tells of those from before.
func TestCongestion(t *testing.T) {
	t.Parallel()
	pid, url := startUnset(t)
	host, err := os.ReadFile("/proc/sys/net/ipv4/tcp_congestion_control")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{strings.TrimSpace(string(host))}
	for range 2 {
		c := newHTTP()
		defer c.CloseIdleConnections()
		if _, _, err := do(t.Context(), c, request{method: http.MethodGet, url: url}); err != nil {
			t.Fatal(err)
		}
		names, err := congestionOf(pid)
		if err != nil || !slices.Equal(names, want) {
			t.Errorf("in force: %v, %v, want %v", names, err, want)
		}
		if err := setCongestion(pid); err != nil {
			t.Fatal(err)
		}
		want = append(want, congestion)
		slices.Sort(want)
		want = slices.Compact(want)
	}
}

// startUnset starts the raw yardstick without the help of launch.
func startUnset(t *testing.T) (pid int, url string) {
	t.Helper()
	addr, err := testenv.FreeAddr()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0], rawCommand, "-addr", addr, "-dir", t.TempDir())
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	p := &process{url: "http://" + addr}
	if err := p.wait(t.Context(), "/", nil); err != nil {
		t.Fatal(err)
	}
	return cmd.Process.Pid, p.url + "/"
}

func TestCongestionNote(t *testing.T) {
	t.Parallel()
	same := []sample{{Congestion: congestion}, {}}
	for want, samples := range map[string]map[string][]sample{
		"Congestion control: reno for every server and for the client.\n\n": {nameDrive: same, nameRaw: same},
		"**Congestion control was not the same for all: reno for the client, but nginx bbr. Do not compare the columns.**\n\n": {
			nameDrive: same, nameNginx: {{Congestion: "bbr"}}},
		"**Congestion control was not the same for all: reno for the client, but blinkdrive bbr and reno; raw not known, reno. " +
			"Do not compare the columns.**\n\n": {
			nameDrive: {{Congestion: "bbr and reno"}}, nameRaw: {{Congestion: congestion}, {Congestion: notKnown}}},
	} {
		r := report{Rows: []result{{Samples: samples}}}
		if got := r.congestionNote(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
