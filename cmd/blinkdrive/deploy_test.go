package main_test

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/knadh/koanf/parsers/yaml"

	"github.com/blinkdrive/blinkdrive/config"
)

const root = "../.."

func readFile(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// deployed are the files that say how the drive is run.
func deployed(t *testing.T) []string {
	t.Helper()
	entries, err := os.ReadDir("deploy")
	if err != nil {
		t.Fatal(err)
	}
	names := []string{"Dockerfile", "compose.yaml", ".env.example"}
	for _, e := range entries {
		names = append(names, "cmd/blinkdrive/deploy/"+e.Name())
	}
	return names
}

func TestDeploymentNamesOptionsThatAre(t *testing.T) {
	t.Parallel()
	known := make(map[string]bool)
	for _, o := range config.Options() {
		known[o.Env] = true
	}
	name := regexp.MustCompile(`BLINKDRIVE_[A-Z0-9_]+`)
	for _, file := range deployed(t) {
		for _, n := range name.FindAllString(readFile(t, file), -1) {
			if !known[n] && !strings.HasSuffix(n, "_") { // BLINKDRIVE_S3_…
				t.Errorf("%s: there is no %s", file, n)
			}
		}
	}
}

type object = map[string]any

func compose(t *testing.T) object {
	t.Helper()
	file, err := yaml.Parser().Unmarshal([]byte(readFile(t, "compose.yaml")))
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func child(o object, name string) object {
	c, _ := o[name].(object)
	return c
}

// variable is ${NAME}, ${NAME:-OTHERWISE} or ${NAME:?COMPLAINT}.
var variable = regexp.MustCompile(`\$\{(\w+)(:[-?][^}]*)?\}`)

func TestComposeFileConfiguresTheDrive(t *testing.T) {
	t.Parallel()
	services := child(compose(t), "services")
	for _, name := range []string{"api", "transfer"} {
		service := child(services, name)
		var env []string
		for key, value := range child(service, "environment") {
			text := variable.ReplaceAllStringFunc(value.(string), func(v string) string {
				if strings.Contains(v, ":-") {
					return ""
				}
				return strings.Repeat("x", 48)
			})
			env = append(env, key+"="+text)
		}
		c, err := config.Load(config.Sources{Env: env})
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if !c.MySQL() || c.Redis == "" || c.MQ == "" || !c.S3() {
			t.Errorf("%s does not use the engines:\n%s", name, c.Dump())
		}
		if service["read_only"] != true {
			t.Errorf("%s may write to its image", name)
		}
	}
}

func TestComposeFileHoldsTogether(t *testing.T) {
	t.Parallel()
	file := compose(t)
	services, volumes := child(file, "services"), child(file, "volumes")
	for name, s := range services {
		service := s.(object)
		for other, how := range child(service, "depends_on") {
			if services[other] == nil {
				t.Errorf("%s depends on %s, which is not there", name, other)
			}
			if how.(object)["condition"] == "service_healthy" && other != "api" && child(child(services, other), "healthcheck")["test"] == nil {
				t.Errorf("%s waits for the health of %s, which has no check", name, other)
			}
		}
		mounts, _ := service["volumes"].([]any)
		for _, m := range mounts {
			from, _, _ := strings.Cut(m.(string), ":")
			_, named := volumes[from]
			if _, err := os.Stat(filepath.Join(root, from)); !named && err != nil {
				t.Errorf("%s mounts %s, which is not there", name, from)
			}
		}
	}
}

// Nothing runs with a password that everybody knows.
func TestComposeFileHasNoSecrets(t *testing.T) {
	t.Parallel()
	example := readFile(t, ".env.example")
	secret := regexp.MustCompile(`PASS|SECRET|AUTH|_DB$|_REDIS$|_MQ$`)
	var required []string
	for name, s := range child(compose(t), "services") {
		for key, value := range child(s.(object), "environment") {
			if !secret.MatchString(key) || key == "MYSQL_RANDOM_ROOT_PASSWORD" {
				continue
			}
			v := variable.FindStringSubmatch(value.(string))
			if v == nil || !strings.HasPrefix(v[2], ":?") {
				t.Errorf("%s: %s does not have to be set", name, key)
				continue
			}
			required = append(required, v[1])
		}
	}
	slices.Sort(required)
	for _, name := range slices.Compact(required) {
		if !strings.Contains(example, "\n"+name+"=\n") {
			t.Errorf(".env.example does not ask for %s, or knows it", name)
		}
	}
}

func TestImageIsBuiltFromAllItNeeds(t *testing.T) {
	t.Parallel()
	mod, docker := readFile(t, "go.mod"), readFile(t, "Dockerfile")
	want := regexp.MustCompile(`(?m)^go (\S+)$`).FindStringSubmatch(mod)
	if want == nil || !strings.Contains(docker, "ARG GO_VERSION="+want[1]+"\n") {
		t.Errorf("the image is not built with the Go that go.mod asks for, %v", want)
	}
	if testing.Short() {
		t.Skip("asks go list")
	}
	const module = "github.com/blinkdrive/blinkdrive/"
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	needed := map[string]bool{"go.mod": true, "go.sum": true}
	for p := range strings.Lines(string(out)) {
		if folder, ours := strings.CutPrefix(strings.TrimSpace(p), module); ours {
			folder, _, _ = strings.Cut(folder, "/")
			needed[folder] = true
		}
	}
	var sent []string
	for _, m := range regexp.MustCompile(`(?m)^!(\S+)$`).FindAllStringSubmatch(readFile(t, ".dockerignore"), -1) {
		sent = append(sent, m[1])
	}
	slices.Sort(sent)
	if need := slices.Sorted(maps.Keys(needed)); !slices.Equal(need, sent) {
		t.Errorf(".dockerignore lets through %v, needed are %v", sent, need)
	}
}
