package service

import (
	"context"
	"fmt"
	"time"

	"github.com/blinkdrive/blinkdrive/store"
)

// DropRecords drops the progress records of what this node has staged, before it serves: after a power cut staging may
// hold fewer chunks than a record that outlived it elsewhere says. Whoever asks for one next rebuilds it.
func (s *Uploads) DropRecords(ctx context.Context) error {
	return s.Staging.List(ctx, func(id store.UploadID, _ time.Time) error {
		if err := s.Progress.Drop(ctx, id); err != nil {
			return fmt.Errorf("progress of %s: %w", id, err)
		}
		return nil
	})
}
