package main

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// TestMain lets this program be the yardstick's server, as the command is.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == rawCommand {
		main()
		return
	}
	os.Exit(m.Run())
}

// The smoke test measures a few rows with a real drive. What it finds out is well-formed and complete; how long anything took
// says nothing here.
func TestSmoke(t *testing.T) {
	t.Parallel()
	out := t.TempDir()
	args := []string{"-short", "-rounds", "2", "-rows", "^(upload4|download4|files4K|auth)$", "-dir", t.TempDir(), "-out", out}
	var table, log bytes.Buffer
	if err := run(t.Context(), args, &table, &log); err != nil {
		t.Fatalf("%v\n%s", err, log.Bytes())
	}
	read := func(name string) []byte {
		b, err := os.ReadFile(filepath.Join(out, name))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	if !bytes.Equal(read("bench.md"), table.Bytes()) {
		t.Error("the table that was written is not the one that was shown")
	}
	var rep report
	if err := json.Unmarshal(read("bench.json"), &rep); err != nil {
		t.Fatal(err)
	}
	checkSamples(t, rep)
	checkTable(t, table.String(), rep)
	if runtime.GOOS == "linux" && !strings.Contains(table.String(), "Congestion control: reno for every server") {
		t.Error("the table does not say that the congestion control was the same for all")
	}
	checkChart(t, read("bench.svg"), rep)
}

// checkSamples finds every figure of every round.
func checkSamples(t *testing.T, rep report) {
	t.Helper()
	known := rows(true, false)
	if len(rep.Rows) != 4 || len(rep.Verdicts) == 0 {
		t.Fatalf("%d rows and %d verdicts", len(rep.Rows), len(rep.Verdicts))
	}
	for _, res := range rep.Rows {
		row := known[slices.IndexFunc(known, func(r row) bool { return r.name == res.Name })]
		for _, peer := range row.peers {
			if peer == nameTusd || peer == nameNginx { // which are not everywhere
				continue
			}
			if n := len(res.Samples[peer]); n != 2 {
				t.Errorf("%s: %d samples of %s", res.Name, n, peer)
			}
			for _, s := range res.Samples[peer] {
				for _, m := range row.metrics {
					if _, ok := s.Values[m.key]; !ok {
						t.Errorf("%s: a sample of %s has no %s", res.Name, peer, m.key)
					}
				}
			}
		}
	}
}

// checkTable finds a line of as many cells as there are columns for every figure.
func checkTable(t *testing.T, table string, rep report) {
	t.Helper()
	for _, res := range rep.Rows {
		if !strings.Contains(table, "\n| "+res.Title+" | ") {
			t.Errorf("the table has no %q", res.Title)
		}
	}
	columns := 0
	for line := range strings.Lines(table) {
		n := strings.Count(line, "|")
		if n > 0 && columns > 0 && n != columns {
			t.Errorf("%d cells instead of %d: %s", n, columns, line)
		}
		columns = n // 0 between two tables
	}
}

// checkChart reads the picture as XML and finds a bar for each peer of each row with a rate.
func checkChart(t *testing.T, svg []byte, rep report) {
	t.Helper()
	bars := 0
	for d := xml.NewDecoder(bytes.NewReader(svg)); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		if e, ok := token.(xml.StartElement); ok && e.Name.Local == "rect" {
			bars++
		}
	}
	want := 0
	for _, res := range rep.Rows {
		if res.Name != "auth" { // which has no rate
			want += len(res.Samples)
		}
	}
	if bars != want {
		t.Errorf("the chart has %d bars, want %d", bars, want)
	}
}
