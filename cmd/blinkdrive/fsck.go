package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/blinkdrive/blinkdrive/cmd/internal/setup"
	"github.com/blinkdrive/blinkdrive/config"
	"github.com/blinkdrive/blinkdrive/service"
)

func fsck(c *cobra.Command, d *setup.Drive, repair bool) error {
	out := c.OutOrStdout()
	r, err := d.Fsck.Run(c.Context(), repair, func(f service.Finding) { fmt.Fprintln(out, f) })
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%d contents read (%s), %d blobs seen; %d problems remain, %d repaired, %d harmless\n",
		r.Contents, config.Size(r.Bytes), r.Blobs, r.Problems, r.Repaired, r.Notes)
	if !r.Clean() {
		return fmt.Errorf("%d problems remain", r.Problems)
	}
	return nil
}
