package main

import (
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/blinkdrive/blinkdrive/cmd/internal/setup"
	"github.com/blinkdrive/blinkdrive/store"
)

// listed is how many jobs of a state are shown.
const listed = 1000

func newTransfers() *cobra.Command {
	return group("transfers", "List and retry transfer jobs; the server may keep running",
		&cobra.Command{Use: "list", Short: "List pending and failed jobs", Args: args(0), RunE: withRows(listTransfers)},
		&cobra.Command{Use: "replay [DIGEST]", Short: "Retry one failed job, or all of them",
			Args: atMost(1), RunE: withRows(replayTransfers)},
	)
}

func listTransfers(c *cobra.Command, rows *setup.Rows, _ []string) error {
	w := tabwriter.NewWriter(c.OutOrStdout(), 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "DIGEST\tSTATE\tATTEMPTS\tNEXT\tFROM\tTO\tLAST ERROR")
	for state, name := range []string{store.TransferPending: "pending", store.TransferFailed: "failed"} {
		jobs, err := rows.Transfers.ListTransfers(c.Context(), store.TransferState(state), listed)
		if err != nil {
			return err
		}
		for _, t := range jobs {
			to := string(t.Target)
			if !t.To.IsZero() {
				to = t.To.String()
			}
			fmt.Fprintf(w, "%s\t%s\t%d\t%s\t%s\t%s\t%s\n", t.Digest, name, t.Attempts,
				moment(t.NextAttempt), t.From, to, t.LastError)
		}
		if len(jobs) == listed {
			fmt.Fprintf(w, "…\t%s\t\t\t\t\tonly the oldest %d are shown\n", name, listed)
		}
	}
	return w.Flush()
}

func replayTransfers(c *cobra.Command, rows *setup.Rows, given []string) error {
	var d store.Digest
	if len(given) == 1 {
		var err error
		if d, err = store.ParseDigest(given[0]); err != nil {
			return usage(c, err)
		}
	}
	n, err := rows.Transfers.ReplayTransfers(c.Context(), d, time.Now())
	if err != nil {
		return err
	}
	if n == 0 && len(given) == 1 {
		return fmt.Errorf("no failed job for %s; see blinkdrive transfers list", d)
	}
	fmt.Fprintf(c.OutOrStdout(), "%d jobs will be retried\n", n)
	return nil
}
