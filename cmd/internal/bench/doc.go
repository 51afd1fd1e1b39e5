// Command bench measures the drive side by side with its yardsticks, in one run, on loopback, with all data on one file
// system: a machine that is shared or virtual makes absolute figures mean little, and ratios of one run a lot.
//
// The yardsticks are raw (a bare handler that writes each chunk at its offset and syncs file and folder at the end: the
// limit), raw+hash (the same, and one pass of both digests over the finished file, as everybody else does it), tusd (built
// from its Go module where the module proxy gives it) and, for downloads, nginx where it is installed.
//
// Each figure is the median of several rounds. A round measures every peer once, each in a process and a folder of its
// own, and the next round begins with the next peer. Before each measurement memory is touched and freed, since on some
// virtual machines the first touch of a page costs more than all the work, and what is dirty is synced, since the next
// peer must not pay for it. Measurements during which others used the machine's CPUs are left out where enough are left,
// and marked where not.
//
// Every connection between client and servers has the same congestion control, Reno, also if the host's default is another.
// The report says which one was in force, and warns if it was not the same for all.
//
// It prints a table in Markdown, and writes it, a JSON file with every sample and a chart. It asserts nothing about time.
package main
