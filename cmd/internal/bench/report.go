package main

import (
	"encoding/json"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"time"
)

// A report is all that a run has found out.
type report struct {
	Machine  string
	CPUs     int
	Go       string
	When     time.Time
	Took     string
	Short    bool
	Rows     []result
	Verdicts []verdict
}

// A result is a row with its samples by peer.
type result struct {
	row
	Name    string
	Title   string
	Samples map[string][]sample
}

func newReport(b *bench) *report {
	return &report{Machine: machine(), CPUs: cpus(), Go: runtime.Version(), When: time.Now().UTC().Truncate(time.Second), Short: b.short}
}

// finish judges.
func (r *report) finish(took time.Duration) {
	r.Took = took.Round(time.Second).String()
	for _, res := range r.Rows {
		goals := res.goals
		if len(res.Samples[nameBefore]) > 0 { // nothing to reach, but the ratio is worth knowing
			for _, m := range res.metrics {
				goals = append(goals, goal{metric: m.key, over: nameBefore})
			}
		}
		for _, g := range goals {
			if v, ok := res.judge(g); ok {
				r.Verdicts = append(r.Verdicts, v)
			}
		}
	}
}

func (r *report) json() ([]byte, error) { return json.MarshalIndent(r, "", "  ") }

var order = []string{nameDrive, nameBefore, nameRaw, nameHash, nameTusd, nameNginx, nameRclone, nameDirect}

func (r *report) markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d CPUs (%s), %s, %s, in %s.\n\n", r.CPUs, r.Machine, r.Go, r.When.Format("2006-01-02"), r.Took)
	if r.Short {
		b.WriteString("**This is the smoke test: sizes are small, and no figure means anything.**\n\n")
	}
	b.WriteString(r.congestionNote())
	b.WriteString("Medians, with the lowest and the highest; † others used the machine meanwhile.\n\n")
	peers := r.peers()
	fmt.Fprintf(&b, "| work | | %s |\n|---|---|%s\n", strings.Join(peers, " | "), strings.Repeat("---|", len(peers)))
	for _, res := range r.Rows {
		for _, m := range res.metrics {
			fmt.Fprintf(&b, "| %s | %s |%s\n", res.Title, m.label(), res.cells(m.key, peers))
		}
	}
	if len(r.Verdicts) == 0 {
		return b.String()
	}
	b.WriteString("\nRatios are medians of the ratios of each round.\n\n| work | | must reach | reached | |\n|---|---|---|---|---|\n")
	for _, v := range r.Verdicts {
		met := "missed"
		if v.Met {
			met = "met"
		}
		if v.Goal == "" {
			met = ""
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", v.Row, v.Metric, v.Goal, v.Reached, met)
	}
	return b.String()
}

func (m metric) label() string {
	if m.unit == "" {
		return m.title
	}
	return m.title + ", " + m.unit
}

// peers are those that were measured at anything, in order.
func (r *report) peers() (list []string) {
	for _, peer := range order {
		if slices.ContainsFunc(r.Rows, func(res result) bool { return len(res.Samples[peer]) > 0 }) {
			list = append(list, peer)
		}
	}
	return list
}

func (r result) cells(key string, peers []string) string {
	var b strings.Builder
	for _, peer := range peers {
		s, ok := r.of(peer, key)
		if !ok {
			b.WriteString(" |")
			continue
		}
		mark := ""
		if _, calm := quiet(r.Samples[peer]); !calm {
			mark = " †"
		}
		fmt.Fprintf(&b, " %s (%s–%s)%s |", figure(s.Median), figure(s.Low), figure(s.High), mark)
	}
	return b.String()
}
