package metrics

import (
	"fmt"
	"log/slog"
	"regexp"
	"strings"

	"fairlead.dev/fairlead/option"
)

// Options are the settings of this package (spec 1.8, Metrics).
var Options = option.Define("metrics", Values{
	Prefix:              "skipper.",
	HistogramBuckets:    []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
	Runtime:             true,
	FilterMetrics:       true,
	ServeMethodMetric:   true,
	ServeStatusMetric:   true,
	RequestSizeBuckets:  []float64{4 << 10, 8 << 10, 16 << 10, 64 << 10},
	ResponseSizeBuckets: []float64{1, 512, 1 << 10, 512 << 10, 1 << 20, 512 << 20, 1 << 30},
	MaxHosts:            10_000,
})

// Values are the settings and their types.
type Values struct {
	Flavour          []string  `flag:"metrics-flavour" oneof:"prometheus,codahale,otel" doc:"metrics formats to serve; prometheus is the only one, others give a warning"`
	Prefix           string    `flag:"metrics-prefix" doc:"prefix of Skipper's metric names, without its dot"`
	Runtime          bool      `flag:"runtime-metrics" doc:"show go_* and process_* metrics"`
	HistogramBuckets []float64 `flag:"histogram-metric-buckets" doc:"upper bounds of duration histograms in seconds, comma separated and rising"`
	OpenMetrics      bool      `flag:"enable-open-metrics" doc:"serve the OpenMetrics format to scrapers that prefer it; it appends _total to the names of all counters"`
	NoCompression    bool      `flag:"disable-metrics-compression" doc:"never compress the metrics page"`
	ExpDecaySample   bool      `flag:"metrics-exp-decay-sample" deprecated:"it has no effect, prometheus histograms are exact" doc:"accepted without effect: it shapes codahale histograms, prometheus histograms are exact"`

	NoCompat           bool `flag:"disable-metrics-compat" doc:"turn off what is on for the sake of old dashboards: all-filters-metrics, route-response-metrics, route-backend-metrics, route-backend-error-counters and route-stream-error-counters"`
	AllFilters         bool `flag:"all-filters-metrics" doc:"time all filters of a route together, for each route"`
	RouteResponse      bool `flag:"route-response-metrics" doc:"time responses for each route"`
	RouteBackend       bool `flag:"route-backend-metrics" doc:"time backends for each route"`
	RouteBackendErrors bool `flag:"route-backend-error-counters" doc:"count failed backend requests for each route"`
	RouteStreamErrors  bool `flag:"route-stream-error-counters" doc:"count responses that broke off while streaming, for each route"`
	FilterMetrics      bool `flag:"filter-metrics" doc:"time each filter, for each filter name"`
	CombinedResponse   bool `flag:"combined-response-metrics" doc:"time responses of all routes together"`
	BackendHost        bool `flag:"backend-host-metrics" doc:"time backends for each backend address"`
	BackendZone        bool `flag:"backend-zone-metrics" doc:"time backends for each availability zone"`
	ProxyRequest       bool `flag:"proxy-request-metrics" doc:"time what the proxy adds before the backend request"`
	ProxyResponse      bool `flag:"proxy-response-metrics" doc:"time what the proxy adds after the backend response"`
	ServeHost          bool `flag:"serve-host-metrics" doc:"time exchanges for each host that clients ask for"`
	ServeHostCounter   bool `flag:"serve-host-counter" doc:"count exchanges for each host that clients ask for"`
	ServeRoute         bool `flag:"serve-route-metrics" doc:"time exchanges for each route"`
	ServeRouteCounter  bool `flag:"serve-route-counter" doc:"count exchanges for each route"`
	ServeMethodMetric  bool `flag:"serve-method-metric" doc:"tell methods apart in serve-host-metrics and serve-route-metrics"`
	ServeStatusMetric  bool `flag:"serve-status-code-metric" doc:"tell statuses apart in serve-host-metrics and serve-route-metrics"`
	Connections        bool `flag:"enable-connection-metrics" doc:"count the state changes of client connections as lb-conn-*"`

	RequestSizeBuckets  []float64 `flag:"request-size-buckets" doc:"upper bounds of the histogram of backend request header sizes in bytes"`
	ResponseSizeBuckets []float64 `flag:"response-size-buckets" doc:"upper bounds of the histogram of response sizes in bytes"`
	MaxHosts            int       `flag:"metrics-max-hosts" doc:"how many hosts are told apart; further ones are counted as _other_"`
}

// withCompat returns v with what is on unless -disable-metrics-compat is given.
func (v Values) withCompat() Values {
	if !v.NoCompat {
		v.AllFilters, v.RouteResponse, v.RouteBackend = true, true, true
		v.RouteBackendErrors, v.RouteStreamErrors = true, true
	}
	return v
}

var (
	validPrefix   = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]*$`)
	prefixReplace = strings.NewReplacer(".", "_", "-", "_")
)

// warnFlavours warns of formats that are not served.
func warnFlavours(list []string, log *slog.Logger) {
	for _, name := range list {
		if name != "prometheus" {
			log.Warn("metrics flavour is not available, serving prometheus", "flavour", name)
		}
	}
}

// namespace returns the first part of metric names for -metrics-prefix.
func namespace(prefix string) (string, error) {
	name := prefixReplace.Replace(strings.TrimRight(prefix, "."))
	if name == "" {
		name = "skipper"
	}
	if !validPrefix.MatchString(name) {
		return "", fmt.Errorf("option -metrics-prefix: %q cannot start a metric name, expected letters, digits and underscores", prefix)
	}
	return name, nil
}

// checkBuckets checks the upper bounds of a histogram; unit says how many
// whole units one of them has.
func checkBuckets(flag string, bounds []float64, unit float64) error {
	if len(bounds) > maxBuckets {
		return fmt.Errorf("option -%s: found %d buckets, at most %d are possible", flag, len(bounds), maxBuckets)
	}
	for i, n := range bounds {
		if !(n*unit >= 1 && n*unit <= 1<<62) {
			return fmt.Errorf("option -%s: bucket %d is %v, expected a number from %v to %v", flag, i+1, n, 1/unit, (1<<62)/unit)
		}
		if i > 0 && n <= bounds[i-1] {
			return fmt.Errorf("option -%s: bucket %d (%v) is not above the one before (%v): sort the list", flag, i+1, n, bounds[i-1])
		}
	}
	return nil
}
