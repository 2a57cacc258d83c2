package result

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"

	"fairlead.dev/fairlead/bench/drive"
)

// Result is everything a benchmark found out.
type Result struct {
	Date      string   `json:"date"`
	Machine   string   `json:"machine"`
	Kernel    string   `json:"kernel"`
	Go        string   `json:"go"`
	Rounds    int      `json:"rounds"`
	Seconds   float64  `json:"seconds"` // measured time of one timed run
	Scenarios []string `json:"scenarios"`
	Peers     []Peer   `json:"peers"`
	Missing   []Peer   `json:"missing,omitempty"`
	Runs      []Run    `json:"runs"`
}

// Peer is one proxy that took part, or could not.
type Peer struct {
	Name    string `json:"name"`
	Version string `json:"version,omitempty"`
	Reason  string `json:"reason,omitempty"` // why it is missing
}

// Run is one measurement.
type Run struct {
	Scenario string        `json:"scenario"`
	Peer     string        `json:"peer"`
	Round    int           `json:"round"`
	Error    string        `json:"error,omitempty"`  // there was no measurement
	Cannot   string        `json:"cannot,omitempty"` // what the peer lacks for the scenario
	Load     *drive.Report `json:"load,omitempty"`
	Idle     *Idle         `json:"idle,omitempty"`
	Change   *Change       `json:"change,omitempty"`
}

// Idle is what idle connections cost, in bytes of proportional resident memory.
type Idle struct {
	Open   int     `json:"open"`
	Before int64   `json:"pss_before"`
	Soon   int64   `json:"pss_soon"`    // 2 s after the last one opened
	Later  int64   `json:"pss_later"`   // 12 s after
	CPU    float64 `json:"cpu_seconds"` // per second of holding
}

// Change is what a large table and one change to it cost.
type Change struct {
	Routes        int     `json:"routes"`
	LoadSeconds   float64 `json:"load_seconds"` // from the start of the process until the last route answers
	LoadCPU       float64 `json:"load_cpu_seconds"`
	LoadPeak      int64   `json:"load_peak"` // 0: not known, several processes
	Memory        int64   `json:"pss"`
	ChangeSeconds float64 `json:"change_seconds"` // from the changed file until the route answers in the new way
	ChangeCPU     float64 `json:"change_cpu_seconds"`
	ChangeExtra   int64   `json:"change_extra"` // peak above Memory
}

// Failed says that the run cannot be trusted.
func (r *Run) Failed() bool { return r.Error != "" || r.Load != nil && r.Load.Failed() > 0 }

// Read reads a result that [Result.Write] wrote.
func Read(path string) (*Result, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read result: %w", err)
	}
	var r Result
	if err := json.Unmarshal(b, &r); err != nil {
		return nil, fmt.Errorf("read result %q: %w", path, err)
	}
	return &r, nil
}

// Write writes the result as JSON.
func (r *Result) Write(path string) error {
	b, err := json.MarshalIndent(r, "", "\t")
	if err == nil {
		err = os.WriteFile(path, append(b, '\n'), 0o644)
	}
	if err != nil {
		return fmt.Errorf("write result: %w", err)
	}
	return nil
}

// sample is the values that one quantity took in the rounds.
type sample []float64

// median is the middle value, the mean of the two middle ones for an even
// number, and 0 of none.
func (s sample) median() float64 {
	if len(s) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(s))
	mid := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[mid]
	}
	return (sorted[mid-1] + sorted[mid]) / 2
}

// spread is the distance of the extremes as a share of the median.
func (s sample) spread() float64 {
	m := s.median()
	if m == 0 {
		return 0
	}
	return (slices.Max(s) - slices.Min(s)) / m
}

// collect takes one quantity from every good run of a peer in a scenario. The
// second result says that a run failed.
func (r *Result) collect(scenario, peer string, value func(*Run) (float64, bool)) (sample, bool) {
	var s sample
	failed := false
	for i := range r.Runs {
		run := &r.Runs[i]
		if run.Scenario != scenario || run.Peer != peer {
			continue
		}
		if run.Failed() {
			failed = true
			continue
		}
		if v, ok := value(run); ok {
			s = append(s, v)
		}
	}
	return s, failed
}
