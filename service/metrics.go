package service

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/blinkdrive/blinkdrive/store"
)

// Metrics are the figures that the operator of a drive cares about. All names begin with blinkdrive_.
// The fields are safe for concurrent use.
type Metrics struct {
	InstantHits       prometheus.Counter // uploads that needed no bytes
	InstantMisses     prometheus.Counter
	InstantChallenges prometheus.Counter
	BytesNotSent      prometheus.Counter // sizes of the instant hits

	BytesReceived    prometheus.Counter     // of chunks and forms, as acknowledged
	BytesResumed     prometheus.Counter     // in chunks that a repeated init found held
	ChunksStored     prometheus.Counter     // fresh ones
	ChunkFailures    *prometheus.CounterVec // label cause
	UploadsCompleted prometheus.Counter
	UploadsEnded     *prometheus.CounterVec // without a file; label cause
	CompleteSeconds  prometheus.Histogram
	DigestMismatches prometheus.Counter
	Collisions       prometheus.Counter

	TransfersDone   prometheus.Counter
	TransfersFailed prometheus.Counter // attempts that failed, for now or for good
	TransferBytes   prometheus.Counter
	// TransferBytesResumed counts the bytes of parts that a transfer found in the object store already, TransfersResumed
	// the attempts that went on with the multipart upload of an earlier one.
	TransferBytesResumed prometheus.Counter
	TransfersResumed     prometheus.Counter
	RemoteBytes          prometheus.Counter // read of blobs on other nodes' disks
	RemoteBytesServed    prometheus.Counter // of this node's blobs, to others
	Heartbeats           prometheus.Counter // of this node
	HeartbeatsFailed     prometheus.Counter
	TransferSeconds      prometheus.Histogram // one successful transfer
	TransferLag          prometheus.Histogram // from the making of a job to its end

	SparesSettled  *prometheus.CounterVec // label cause
	SpareBytesRead prometheus.Counter     // of spare copies and of the main copies that they are kept for

	SigninFailures prometheus.Counter
	BytesServed    prometheus.Counter

	reg prometheus.Registerer
}

// NewMetrics makes the figures and registers them with reg; with a nil reg they count and nobody sees them.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	m := &Metrics{reg: reg}
	m.instant(maker{promauto.With(reg)})
	m.uploads(maker{promauto.With(reg)})
	m.transfers(maker{promauto.With(reg)})
	m.nodes(maker{promauto.With(reg)})
	return m
}

func (m *Metrics) instant(k maker) {
	m.InstantHits = k.counter("instant_hits_total", "Instant uploads that linked content the drive already had.")
	m.InstantMisses = k.counter("instant_misses_total", "Instant uploads refused because the content is unknown or possession was not proven.")
	m.InstantChallenges = k.counter("instant_challenges_total", "Challenges issued for proof of possession.")
	m.BytesNotSent = k.counter("instant_bytes_not_sent_total", "Bytes that did not have to be sent thanks to instant upload.")
	m.SigninFailures = k.counter("signin_failures_total", "Failed sign-ins.")
	m.BytesServed = k.counter("download_bytes_total", "Bytes of content downloaded by clients.")
}

func (m *Metrics) uploads(k maker) {
	m.BytesReceived = k.counter("upload_bytes_received_total", "Bytes of chunks and forms received and acknowledged.")
	m.BytesResumed = k.counter("upload_bytes_resumed_total", "Bytes that did not have to be sent again because an upload was resumed.")
	m.ChunksStored = k.counter("upload_chunks_stored_total", "Chunks stored.")
	m.ChunkFailures = k.counters("upload_chunk_failures_total", "Chunks refused or failed, by cause.")
	m.UploadsCompleted = k.counter("uploads_completed_total", "Uploads completed.")
	m.UploadsEnded = k.counters("uploads_ended_total", "Uploads that ended without a file, by cause.")
	m.CompleteSeconds = k.seconds("upload_complete_seconds", "Duration of successful complete requests.", 0.001)
	m.DigestMismatches = k.counter("upload_digest_mismatches_total", "Uploads whose bytes did not match the claimed digest.")
	m.Collisions = k.counter("upload_collisions_total", "Contents refused because other content with the same SHA-1 is stored.")
	m.SparesSettled = k.counters("spares_settled_total", "Spare copies of stored content dropped or promoted, by cause.")
	m.SpareBytesRead = k.counter("spare_bytes_read_total", "Bytes read to compare the copies of stored content.")
}

func (m *Metrics) transfers(k maker) {
	m.TransfersDone = k.counter("transfers_done_total", "Blobs moved to an object store.")
	m.TransfersFailed = k.counter("transfers_failed_total", "Failed attempts to move a blob to an object store.")
	m.TransferBytes = k.counter("transfer_bytes_total", "Bytes of blobs moved to an object store.")
	m.TransferBytesResumed = k.counter("transfer_bytes_resumed_total", "Bytes not sent again because an earlier attempt had already stored them.")
	m.TransfersResumed = k.counter("transfers_resumed_total", "Transfer attempts that resumed the multipart upload of an earlier attempt.")
	m.TransferSeconds = k.seconds("transfer_seconds", "Duration of successful transfers.", 0.001)
	m.TransferLag = k.seconds("transfer_lag_seconds", "Time from the end of an upload to the end of its transfer.", 0.01)
}

func (m *Metrics) nodes(k maker) {
	m.RemoteBytes = k.counter("remote_blob_bytes_read_total", "Bytes of blobs read from other nodes.")
	m.RemoteBytesServed = k.counter("remote_blob_bytes_served_total", "Bytes of blobs served to other processes of the drive.")
	m.Heartbeats = k.counter("node_heartbeats_total", "Successful announcements of this node in the registry.")
	m.HeartbeatsFailed = k.counter("node_heartbeat_failures_total", "Failed announcements of this node in the registry.")
}

// WatchBacklog also shows how many jobs and how much garbage wait, as list counts them at each scrape. It may be
// called once.
func (m *Metrics) WatchBacklog(list store.GarbageList, now func() time.Time) error {
	if m.reg == nil {
		return nil
	}
	c := &backlog{list: list, now: now}
	c.pending = describe("transfers_pending", "Transfer jobs pending or in progress.")
	c.failed = describe("transfers_given_up", "Failed transfer jobs, which blinkdrive transfers replay retries.")
	c.age = describe("transfer_oldest_pending_seconds", "Age of the oldest pending transfer job; 0 if there is none.")
	c.garbage = describe("garbage_blobs", "Blobs waiting to be deleted.")
	c.spares = describe("spare_blobs", "Spare copies of stored content, waiting for the other copy to be read.")
	return m.reg.Register(c)
}

// WatchQueue also shows whether the queue answers, as check finds at each scrape. It may be called once.
func (m *Metrics) WatchQueue(check func(context.Context) error) error {
	if m.reg == nil {
		return nil
	}
	return m.reg.Register(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Namespace: "blinkdrive", Name: "queue_up", Help: "Whether the queue is reachable: 1 for yes, 0 for no.",
	}, func() float64 {
		ctx, cancel := context.WithTimeout(context.Background(), backlogTime)
		defer cancel()
		if check(ctx) != nil {
			return 0
		}
		return 1
	}))
}

// maker gives all figures their common shape.
type maker struct{ promauto.Factory }

func (k maker) counter(name, help string) prometheus.Counter {
	return k.NewCounter(prometheus.CounterOpts{Namespace: "blinkdrive", Name: name, Help: help})
}

func (k maker) counters(name, help string) *prometheus.CounterVec {
	return k.NewCounterVec(prometheus.CounterOpts{Namespace: "blinkdrive", Name: name, Help: help}, []string{"cause"})
}

// seconds makes a histogram of 12 buckets, each four times the last, from the given one up.
func (k maker) seconds(name, help string, from float64) prometheus.Histogram {
	return k.NewHistogram(prometheus.HistogramOpts{
		Namespace: "blinkdrive", Name: name, Help: help, Buckets: prometheus.ExponentialBuckets(from, 4, 12),
	})
}

func describe(name, help string) *prometheus.Desc {
	return prometheus.NewDesc(prometheus.BuildFQName("blinkdrive", "", name), help, nil, nil)
}

// backlogTime is how long a scrape may wait for the counts.
const backlogTime = 5 * time.Second

// backlog asks the store at each scrape, so that the figures are right in every process that shows them.
type backlog struct {
	list                                  store.GarbageList
	now                                   func() time.Time
	pending, failed, age, garbage, spares *prometheus.Desc
}

func (c *backlog) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{c.pending, c.failed, c.age, c.garbage, c.spares} {
		ch <- d
	}
}

func (c *backlog) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), backlogTime)
	defer cancel()
	stats, garbage, err := c.list.Backlog(ctx)
	if err != nil {
		return // the other figures are still worth a scrape; readiness tells of a store that is down
	}
	var age float64
	if !stats.Oldest.IsZero() {
		age = max(0, c.now().Sub(stats.Oldest).Seconds())
	}
	gauge := func(d *prometheus.Desc, v float64) { ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v) }
	gauge(c.pending, float64(stats.Pending))
	gauge(c.failed, float64(stats.Failed))
	gauge(c.age, age)
	gauge(c.garbage, float64(garbage))
	gauge(c.spares, float64(stats.Spares))
}
