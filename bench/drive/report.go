package drive

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// Report is what came of a run.
type Report struct {
	Mode       Mode           `json:"mode"`
	Requests   uint64         `json:"requests"`
	Bytes      uint64         `json:"bytes"` // read, heads included
	Seconds    float64        `json:"seconds"`
	Errors     map[string]int `json:"errors,omitempty"` // by reason
	Reconnects int            `json:"reconnects,omitempty"`
	Unsent     int            `json:"unsent,omitempty"` // mode rate: due and not sent
	ProxyCPU   float64        `json:"proxy_cpu_seconds,omitempty"`
	LoadCPU    float64        `json:"load_cpu_seconds"`
	P50        time.Duration  `json:"p50_ns"`
	P99        time.Duration  `json:"p99_ns"`
	P999       time.Duration  `json:"p999_ns"`
	Max        time.Duration  `json:"max_ns"`
}

// Failed is the number of errors.
func (r *Report) Failed() int {
	n := 0
	for _, count := range r.Errors {
		n += count
	}
	return n
}

// PerCPU is requests per CPU-second of the proxy, 0 when that is not known.
func (r *Report) PerCPU() float64 {
	if r.ProxyCPU <= 0 {
		return 0
	}
	return float64(r.Requests) / r.ProxyCPU
}

// Print writes the report for people.
func (r *Report) Print(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%d requests in %.2f s: %.0f/s, %.3f GB/s, errors %d, reconnects %d\n",
		r.Requests, r.Seconds, float64(r.Requests)/r.Seconds, float64(r.Bytes)/1e9/r.Seconds, r.Failed(), r.Reconnects)
	for _, reason := range r.reasons() {
		fmt.Fprintf(&b, "error %6d x %s\n", r.Errors[reason], reason)
	}
	if r.Unsent > 0 {
		fmt.Fprintf(&b, "rate not reached: %d requests were due and not sent\n", r.Unsent)
	}
	if r.ProxyCPU > 0 {
		fmt.Fprintf(&b, "proxy CPU %.2f s (%.0f %% busy): %.0f requests per proxy-CPU-second, %.2f us a request, %.3f CPU-s a GB\n",
			r.ProxyCPU, 100*r.ProxyCPU/r.Seconds, r.PerCPU(), 1e6*r.ProxyCPU/float64(max(r.Requests, 1)),
			1e9*r.ProxyCPU/float64(max(r.Bytes, 1)))
	}
	fmt.Fprintf(&b, "load CPU %.2f s; latency p50 %v, p99 %v, p99.9 %v, max %v\n", r.LoadCPU,
		r.P50.Round(time.Microsecond), r.P99.Round(time.Microsecond), r.P999.Round(time.Microsecond), r.Max.Round(time.Microsecond))
	_, err := io.WriteString(w, b.String())
	return err
}

func (r *Report) reasons() []string {
	var all []string
	for reason := range r.Errors {
		all = append(all, reason)
	}
	slices.Sort(all)
	return all
}
