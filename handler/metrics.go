package handler

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// requestMetrics count the requests. Their labels have few values, whatever clients send: a path is one of the table's.
type requestMetrics struct {
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	under    prometheus.Gauge
}

// newRequestMetrics registers them with reg; with a nil reg they count and nobody sees them.
func newRequestMetrics(reg prometheus.Registerer) *requestMetrics {
	k := promauto.With(reg)
	return &requestMetrics{
		requests: k.NewCounterVec(prometheus.CounterOpts{
			Namespace: "blinkdrive", Name: "http_requests_total", Help: "HTTP requests answered, by path, method and status.",
		}, []string{"path", "method", "status"}),
		seconds: k.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: "blinkdrive", Name: "http_request_seconds", Help: "Time from the header of an HTTP request to the end of its response, by path.",
			Buckets: prometheus.ExponentialBuckets(0.001, 4, 9), // to 65 s
		}, []string{"path"}),
		under: k.NewGauge(prometheus.GaugeOpts{
			Namespace: "blinkdrive", Name: "http_requests_under_way", Help: "HTTP requests in progress.",
		}),
	}
}

// count takes down one request that is over. A status of 0: the connection broke before there was one.
func (m *requestMetrics) count(route route, method string, status int, took time.Duration) {
	path := route.path
	if path == "" {
		path = "none"
	}
	m.requests.WithLabelValues(path, knownMethod(method), strconv.Itoa(status)).Inc()
	m.seconds.WithLabelValues(path).Observe(took.Seconds())
}

func knownMethod(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodDelete, http.MethodOptions:
		return method
	}
	return "other"
}
