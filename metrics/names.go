package metrics

import (
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
)

// ownNamespace starts the names of metrics that Skipper does not have.
const ownNamespace = "fairlead"

// seconds is the unit of durations: they are counted in nanoseconds.
const seconds = 1e9

// families are all metric names; the texts are in defineFamilies.
type families struct {
	routeLookup, routeError, routeInvalid                  *family
	response, responseSize                                 *family
	filterCreate, filterRequest, filterResponse            *family
	filtersRequest, filtersResponse                        *family
	filtersCombinedRequest, filtersCombinedResponse        *family
	backend, backendCombined, backend5xx                   *family
	backendError, backendHeader                            *family
	serveRoute, serveRouteCount, serveHost, serveHostCount *family
	proxyTotal, proxyRequest, proxyResponse                *family
	streamError                                            *family
	customTotal, customGauge, customDuration               *family
	rejected, connections, routes                          *family
	connRefused, connEnded, handshake                      *family
	endpointHealthy                                        *family
}

// definer makes families that share a namespace.
type definer struct {
	m         *Metrics
	namespace string
	unit      float64   // of histograms
	buckets   []float64 // of histograms
}

func (d definer) define(k kind, name, help string, labels ...string) *family {
	slices.Sort(labels)
	f := &family{
		kind:   k,
		name:   d.namespace + "_" + name,
		help:   help,
		desc:   prometheus.NewDesc(d.namespace+"_"+name, help, labels, nil),
		labels: labels,
		cpu:    d.m.cpu,
	}
	if k == histogram {
		f.setBuckets(d.buckets, d.unit)
	}
	d.m.all = append(d.m.all, f)
	return f
}

// defineFamilies makes the metrics of spec 1.11 and our own.
func (m *Metrics) defineFamilies() error {
	prefix, err := namespace(m.on.Prefix)
	if err != nil {
		return err
	}
	for flag, buckets := range map[string][]float64{
		"request-size-buckets":  m.on.RequestSizeBuckets,
		"response-size-buckets": m.on.ResponseSizeBuckets,
	} {
		if err := checkBuckets(flag, buckets, 1); err != nil {
			return err
		}
	}
	if err := checkBuckets("histogram-metric-buckets", m.on.HistogramBuckets, seconds); err != nil {
		return err
	}
	times := definer{m: m, namespace: prefix, unit: seconds, buckets: m.on.HistogramBuckets}
	requests := definer{m: m, namespace: prefix, unit: 1, buckets: m.on.RequestSizeBuckets}
	responses := definer{m: m, namespace: prefix, unit: 1, buckets: m.on.ResponseSizeBuckets}
	f := &m.families
	f.responseSize = responses.define(histogram, "response_size_bytes", "Size of response bodies in bytes, by the host that was asked for.", "host")
	f.backendHeader = requests.define(histogram, "backend_request_header_bytes", "Size of the header section of backend requests in bytes.", "host")
	m.defineRouteFamilies(times)
	m.defineServeFamilies(times)
	m.defineOther(times)
	own := definer{m: m, namespace: ownNamespace}
	f.rejected = own.define(counter, "http_rejected_total", "Exchanges that Fairlead answered or gave up itself, by reason.", "reason")
	f.connections = own.define(gauge, "connections", "Open connections by side (client, backend) and state.", "side", "state")
	f.connRefused = own.define(counter, "connections_refused_total", "Connections that were ended before they were served, by listener and reason.", "listener", "reason")
	f.connEnded = own.define(counter, "connections_ended_total", "Connections that were ended because of what their clients did, by protocol and the code that the protocol has for it.", "protocol", "code")
	f.endpointHealthy = own.define(gauge, "endpoint_healthy", "1 for endpoints that are well, 0 for those that are left out; only those that failed once or are checked are shown.", "endpoint")
	own.unit, own.buckets = seconds, m.on.HistogramBuckets
	f.handshake = own.define(histogram, "tls_handshake_duration_seconds", "Time of TLS handshakes with clients that went well.")
	f.routes = own.define(gauge, "routes", "Routes in force (valid) and left out (invalid).", "state")
	slices.SortFunc(m.all, func(a, b *family) int { return strings.Compare(a.name, b.name) })
	return nil
}

func (m *Metrics) defineRouteFamilies(d definer) {
	f := &m.families
	f.routeLookup = d.define(histogram, "route_lookup_duration_seconds", "Time to find the route of a request.")
	f.routeError = d.define(counter, "route_error_total", "Requests for which no route was found.")
	f.routeInvalid = d.define(gauge, "route_invalid", "1 for each route that is left out because it is invalid.", "route_id", "reason")
	f.response = d.define(histogram, "response_duration_seconds", "Time to send responses to clients.", "code", "method", "route")
	f.filterCreate = d.define(histogram, "filter_create_duration_seconds", "Time to create a filter.", "filter")
	f.filterRequest = d.define(histogram, "filter_request_duration_seconds", "Time that a filter takes for a request.", "filter")
	f.filterResponse = d.define(histogram, "filter_response_duration_seconds", "Time that a filter takes for a response.", "filter")
	f.filtersRequest = d.define(histogram, "filter_all_request_duration_seconds", "Time that all filters of a route take for a request.", "route")
	f.filtersResponse = d.define(histogram, "filter_all_response_duration_seconds", "Time that all filters of a route take for a response.", "route")
	f.filtersCombinedRequest = d.define(histogram, "filter_all_combined_request_duration_seconds", "Time that filters take for a request, over all routes.")
	f.filtersCombinedResponse = d.define(histogram, "filter_all_combined_response_duration_seconds", "Time that filters take for a response, over all routes.")
	f.backend = d.define(histogram, "backend_duration_seconds", "Time until a backend answers.", "route", "host", "zone")
	f.backendCombined = d.define(histogram, "backend_combined_duration_seconds", "Time until a backend answers, over all routes.")
	f.backend5xx = d.define(histogram, "backend_5xx_duration_seconds", "Time until a backend answers with a 5xx status.")
	f.backendError = d.define(counter, "backend_error_total", "Requests that no backend answered.", "route")
	f.streamError = d.define(counter, "streaming_error_total", "Responses that broke off while they were sent.", "route")
}

func (m *Metrics) defineServeFamilies(d definer) {
	f := &m.families
	var labels []string
	if m.on.ServeStatusMetric {
		labels = append(labels, "code")
	}
	if m.on.ServeMethodMetric {
		labels = append(labels, "method")
	}
	with := func(last string) []string { return append(slices.Clone(labels), last) }
	f.serveRoute = d.define(histogram, "serve_route_duration_seconds", "Time of whole exchanges, by route.", with("route")...)
	f.serveRouteCount = d.define(counter, "serve_route_count", "Exchanges by route.", "code", "method", "route")
	f.serveHost = d.define(histogram, "serve_host_duration_seconds", "Time of whole exchanges, by the host that was asked for.", with("host")...)
	f.serveHostCount = d.define(counter, "serve_host_count", "Exchanges by the host that was asked for.", "code", "method", "host")
}

func (m *Metrics) defineOther(d definer) {
	f := &m.families
	f.proxyTotal = d.define(histogram, "proxy_total_duration_seconds", "Time that the proxy adds to an exchange.")
	f.proxyRequest = d.define(histogram, "proxy_request_duration_seconds", "Time that the proxy adds before the backend request.")
	f.proxyResponse = d.define(histogram, "proxy_response_duration_seconds", "Time that the proxy adds after the backend response.")
	f.customTotal = d.define(counter, "custom_total", "Counters by key.", "key")
	f.customGauge = d.define(number, "custom_gauges", "Gauges by key.", "key")
	f.customDuration = d.define(histogram, "custom_duration_seconds", "Durations by key.", "key")
}
