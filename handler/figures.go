package handler

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// figures count the requests. Their labels have few values, whatever clients send: a path is one of the table's.
type figures struct {
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	under    prometheus.Gauge
}

// newFigures registers them with reg; with a nil reg they count and nobody sees them.
func newFigures(reg prometheus.Registerer) *figures {
	k := promauto.With(reg)
	return &figures{
		requests: k.NewCounterVec(prometheus.CounterOpts{
			Namespace: "blinkdrive", Name: "http_requests_total", Help: "Requests answered, by path, method and status.",
		}, []string{"path", "method", "status"}),
		seconds: k.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: "blinkdrive", Name: "http_request_seconds", Help: "Time from a request's header to the end of its answer, by path.",
			Buckets: prometheus.ExponentialBuckets(0.001, 4, 9), // to 65 s
		}, []string{"path"}),
		under: k.NewGauge(prometheus.GaugeOpts{
			Namespace: "blinkdrive", Name: "http_requests_under_way", Help: "Requests that are being answered.",
		}),
	}
}

// count takes down one request that is over. A status of 0: the connection broke before there was one.
func (f *figures) count(route route, method string, status int, took time.Duration) {
	path := route.path
	if path == "" {
		path = "none"
	}
	f.requests.WithLabelValues(path, knownMethod(method), strconv.Itoa(status)).Inc()
	f.seconds.WithLabelValues(path).Observe(took.Seconds())
}

func knownMethod(m string) string {
	switch m {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodDelete, http.MethodOptions:
		return m
	}
	return "other"
}
