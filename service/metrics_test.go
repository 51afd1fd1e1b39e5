package service_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/blinkdrive/blinkdrive/service"
	"github.com/blinkdrive/blinkdrive/store"
)

// counted is a backlog as a store would tell it.
type counted struct {
	store.GarbageList
	stats   store.TransferStats
	garbage int64
	err     error
}

func (c counted) Backlog(context.Context) (store.TransferStats, int64, error) {
	return c.stats, c.garbage, c.err
}

func TestMetricsAreRegisteredUnderOneName(t *testing.T) {
	t.Parallel()
	reg := prometheus.NewRegistry()
	m := service.NewMetrics(reg)
	m.ChunkFailures.WithLabelValues("digest").Inc()
	m.UploadsEnded.WithLabelValues("cancelled").Inc()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if !strings.HasPrefix(f.GetName(), "blinkdrive_") || f.GetHelp() == "" {
			t.Errorf("metric %q has a foreign name or no help", f.GetName())
		}
	}
	if problems, err := testutil.GatherAndLint(reg); err != nil || len(problems) > 0 {
		t.Errorf("lint: %v, %v", problems, err)
	}
}

func TestMetricsWithoutRegistry(t *testing.T) {
	t.Parallel()
	m := service.NewMetrics(nil)
	m.InstantHits.Inc()
	m.ChunkFailures.WithLabelValues("digest").Inc()
	if err := m.WatchBacklog(counted{}, time.Now); err != nil {
		t.Error(err)
	}
}

func TestBacklogIsCountedAtEachScrape(t *testing.T) {
	t.Parallel()
	reg := prometheus.NewRegistry()
	now := time.Unix(1000, 0)
	list := counted{stats: store.TransferStats{Pending: 3, Failed: 1, Oldest: now.Add(-time.Minute), Spares: 2}, garbage: 7}
	if err := service.NewMetrics(reg).WatchBacklog(list, func() time.Time { return now }); err != nil {
		t.Fatal(err)
	}
	want := `
# HELP blinkdrive_garbage_blobs Blobs waiting to be deleted.
# TYPE blinkdrive_garbage_blobs gauge
blinkdrive_garbage_blobs 7
# HELP blinkdrive_spare_blobs Spare copies of stored content, waiting for the other copy to be read.
# TYPE blinkdrive_spare_blobs gauge
blinkdrive_spare_blobs 2
# HELP blinkdrive_transfer_oldest_pending_seconds Age of the oldest pending transfer job; 0 if there is none.
# TYPE blinkdrive_transfer_oldest_pending_seconds gauge
blinkdrive_transfer_oldest_pending_seconds 60
`
	err := testutil.GatherAndCompare(reg, strings.NewReader(want), "blinkdrive_garbage_blobs", "blinkdrive_spare_blobs",
		"blinkdrive_transfer_oldest_pending_seconds")
	if err != nil {
		t.Error(err)
	}
}

func TestBacklogOfAStoreThatIsDownLeavesTheRest(t *testing.T) {
	t.Parallel()
	reg := prometheus.NewRegistry()
	m := service.NewMetrics(reg)
	if err := m.WatchBacklog(counted{err: errors.New("down")}, time.Now); err != nil {
		t.Fatal(err)
	}
	m.InstantHits.Inc()
	if n, err := testutil.GatherAndCount(reg, "blinkdrive_instant_hits_total"); err != nil || n != 1 {
		t.Errorf("scrape gives %d hits and %v, want 1", n, err)
	}
}
