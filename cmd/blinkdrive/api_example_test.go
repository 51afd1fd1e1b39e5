package main_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestAPIExample runs the shell example of docs/api.md as it stands there.
func TestAPIExample(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("builds and runs the program")
	}
	for _, name := range []string{"bash", "curl", "openssl"} {
		program(t, name)
	}
	_, rest, _ := strings.Cut(readFile(t, "docs/api.md"), "## Example")
	_, rest, _ = strings.Cut(rest, "```sh\n")
	example, _, ok := strings.Cut(rest, "```\n")
	if !ok {
		t.Fatal("docs/api.md has no example")
	}
	w := newWorld(t, build(t))
	dir := t.TempDir()
	big := content(t, pattern{1, 12_000_000})
	for name, body := range map[string][]byte{"big.iso": big, "report.pdf": content(t, pattern{2, 3000})} {
		if err := os.WriteFile(filepath.Join(dir, name), body, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	// What a reader would see as an error must not pass by.
	script := "set -eu\ncurl() { command curl --fail-with-body -S \"$@\"; }\n" + strings.ReplaceAll(example, "localhost:8080", w.setting.Addr)
	cmd := exec.CommandContext(t.Context(), "bash", "-c", script)
	cmd.Dir = dir
	said, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	for _, want := range []string{`"ChunkExists":[1,2,3]`, `秒传成功`, `/elsewhere/new.iso`} {
		if !strings.Contains(string(said), want) {
			t.Errorf("nothing said %s:\n%s", want, said)
		}
	}
	if bad := regexp.MustCompile(`"code":-?[1-9]\d*`).Find(said); bad != nil {
		t.Errorf("there was an answer with %s:\n%s", bad, said)
	}
	if got, err := os.ReadFile(filepath.Join(dir, "copy.iso")); err != nil || !bytes.Equal(got, big) {
		t.Errorf("another file came down: %d bytes, %v", len(got), err)
	}
	if zip, err := os.ReadFile(filepath.Join(dir, "some.zip")); err != nil || !bytes.HasPrefix(zip, []byte("PK")) {
		t.Errorf("no zip came: %d bytes, %v", len(zip), err)
	}
}

func content(t *testing.T, p pattern) []byte {
	t.Helper()
	b := make([]byte, p.size)
	if _, err := p.ReadAt(b, 0); err != nil {
		t.Fatal(err)
	}
	return b
}

// program returns the path of a program that make test installs. Without it a test is skipped, but not in make test.
func program(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	switch {
	case err == nil:
		return path
	case os.Getenv("BLINKDRIVE_TEST_SERVERS") == "required":
		t.Fatal(err)
	default:
		t.Skip(err)
	}
	return ""
}
