package main

import (
	"fmt"
	"slices"
	"strings"
)

// congestion is the congestion control of every connection that is measured, in both directions, and replaces the host's
// default: no server may have one that suits loopback better than its neighbour's. Every kernel has Reno, and every user
// may set it.
// Connections that a server opens itself, to an object store, keep the host's.
const congestion = "reno"

// notKnown marks a server whose congestion control could neither be set nor read.
const notKnown = "not known"

// inForce says which congestion control a server's connections have.
func inForce(pid int) string {
	names, err := congestionOf(pid)
	if err != nil || len(names) == 0 {
		return notKnown
	}
	return strings.Join(names, " and ")
}

// congestions are the congestion controls that were in force for each peer.
func (r *report) congestions() map[string][]string {
	all := map[string][]string{}
	for _, res := range r.Rows {
		for peer, samples := range res.Samples {
			for _, s := range samples {
				if s.Congestion != "" && !slices.Contains(all[peer], s.Congestion) {
					all[peer] = append(all[peer], s.Congestion)
				}
			}
		}
	}
	return all
}

// congestionNote says what was in force, and warns if it was not the same for all.
func (r *report) congestionNote() string {
	all := r.congestions()
	var different []string
	for _, peer := range order {
		if names := all[peer]; len(names) > 0 && !slices.Equal(names, []string{congestion}) {
			slices.Sort(names)
			different = append(different, peer+" "+strings.Join(names, ", "))
		}
	}
	if len(different) == 0 {
		return fmt.Sprintf("Congestion control: %s for every server and for the client.\n\n", congestion)
	}
	return fmt.Sprintf("**Congestion control was not the same for all: %s for the client, but %s. Do not compare the columns.**\n\n",
		congestion, strings.Join(different, "; "))
}
