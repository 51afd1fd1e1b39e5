package main

import (
	"fmt"
	"slices"
)

// quiet are the samples during which the machine was ours. Where these are too few all count, and calm is false.
func quiet(all []sample) (list []sample, calm bool) {
	for _, s := range all {
		if s.Foreign <= maxForeign {
			list = append(list, s)
		}
	}
	if len(list) >= 3 || len(list) == len(all) {
		return list, true
	}
	return all, false
}

// A spread is the median of some figures and their bounds.
type spread struct{ Median, Low, High float64 }

func spreadOf(list []float64) (spread, bool) {
	if len(list) == 0 {
		return spread{}, false
	}
	slices.Sort(list)
	m := list[len(list)/2]
	if len(list)%2 == 0 {
		m = (m + list[len(list)/2-1]) / 2
	}
	return spread{m, list[0], list[len(list)-1]}, true
}

// of is the spread of a metric of a peer.
func (r result) of(peer, metric string) (spread, bool) {
	list, _ := quiet(r.Samples[peer])
	var vs []float64
	for _, s := range list {
		if v, ok := s.Values[metric]; ok {
			vs = append(vs, v)
		}
	}
	return spreadOf(vs)
}

// ratio is the drive's metric over that of a peer in the same round: what disturbs both hardly shows.
func (r result) ratio(metric, peer string) (spread, bool) {
	ours, _ := quiet(r.Samples[nameDrive])
	others, _ := quiet(r.Samples[peer])
	if s, ok := ratio(metric, ours, others); ok {
		return s, ok
	}
	return ratio(metric, r.Samples[nameDrive], r.Samples[peer]) // no round was quiet for both
}

func ratio(metric string, ours, others []sample) (spread, bool) {
	var vs []float64
	for _, mine := range ours {
		for _, theirs := range others {
			a, ok := mine.Values[metric]
			if b := theirs.Values[metric]; mine.Round == theirs.Round && ok && b != 0 {
				vs = append(vs, a/b)
			}
		}
	}
	return spreadOf(vs)
}

// A goal is what the drive's figure must reach: at least or at most so much, or so many times what another has.
type goal struct {
	metric      string
	over        string  // the peer; empty: the figure itself
	least, most float64 // one of them is set
	hash        float64 // at most the peer's figure and so many times the cost of both digests
}

func atLeast(metric, over string, least float64) goal {
	return goal{metric: metric, over: over, least: least}
}
func atMost(metric string, most float64) goal { return goal{metric: metric, most: most} }
func atMostOver(metric, over string, most float64) goal {
	return goal{metric: metric, over: over, most: most}
}

// A verdict is a goal and what was reached.
type verdict struct {
	Row, Metric, Goal, Reached string
	Met                        bool
}

func (r result) judge(g goal) (verdict, bool) {
	v := verdict{Row: r.Title, Metric: r.title(g.metric)}
	s, ok := r.of(nameDrive, g.metric)
	unit := r.unit(g.metric)
	switch {
	case g.hash > 0:
		theirs, ok1 := r.of(g.over, g.metric)
		hash, ok2 := r.of(nameDrive, "hash")
		ok = ok && ok1 && ok2
		limit := theirs.Median + g.hash*hash.Median
		v.Goal = fmt.Sprintf("≤ %s + %.1f × both digests = %s %s", g.over, g.hash, figure(limit), unit)
		v.Reached, v.Met = figure(s.Median)+" "+unit, s.Median <= limit
		return v, ok
	case g.over != "":
		s, ok = r.ratio(g.metric, g.over)
		unit = "× " + g.over
	}
	switch {
	case g.least > 0:
		v.Goal, v.Met = fmt.Sprintf("≥ %s %s", figure(g.least), unit), s.Median >= g.least
	case g.most > 0:
		v.Goal, v.Met = fmt.Sprintf("≤ %s %s", figure(g.most), unit), s.Median <= g.most
	}
	v.Reached = fmt.Sprintf("%s (%s–%s) %s", figure(s.Median), figure(s.Low), figure(s.High), unit)
	return v, ok
}

func (r result) metric(key string) metric {
	i := slices.IndexFunc(r.metrics, func(m metric) bool { return m.key == key })
	if i < 0 {
		return metric{key: key, title: key}
	}
	return r.metrics[i]
}

func (r result) title(key string) string { return r.metric(key).title }
func (r result) unit(key string) string  { return r.metric(key).unit }

// figure writes a number with about three digits.
func figure(v float64) string {
	switch {
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}
