package result

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// quantity is one column: how to get it from a run and how to print it.
type quantity struct {
	title string
	value func(*Run) (float64, bool)
	print func(float64) string
	ratio []string // followed by the spread and the ratios to these peers
}

// section is one table.
type section struct {
	scenario, title, note string
	columns               []quantity
}

func load(f func(r *Run) float64) func(*Run) (float64, bool) {
	return func(r *Run) (float64, bool) {
		if r.Load == nil {
			return 0, false
		}
		return f(r), true
	}
}

func idle(f func(i *Idle) float64) func(*Run) (float64, bool) {
	return func(r *Run) (float64, bool) {
		if r.Idle == nil {
			return 0, false
		}
		return f(r.Idle), true
	}
}

func change(f func(c *Change) float64) func(*Run) (float64, bool) {
	return func(r *Run) (float64, bool) {
		if r.Change == nil {
			return 0, false
		}
		return f(r.Change), true
	}
}

func whole(v float64) string   { return thousands(int64(v + 0.5)) }
func fixed2(v float64) string  { return fmt.Sprintf("%.2f", v) }
func fixed3(v float64) string  { return fmt.Sprintf("%.3f", v) }
func percent(v float64) string { return fmt.Sprintf("%.0f %%", 100*v) }
func megabytes(v float64) string {
	return thousands(int64(v/(1<<20) + 0.5))
}
func latency(v float64) string {
	return fmt.Sprintf("%.2f", time.Duration(v).Seconds()*1000)
}

func thousands(n int64) string {
	if n < 0 {
		return "-" + thousands(-n)
	}
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

var busy = quantity{title: "proxy busy", print: percent,
	value: load(func(r *Run) float64 { return r.Load.ProxyCPU / r.Load.Seconds })}

// perCPU are the columns of most tables; besides nginx and haproxy it compares
// with more peers.
func perCPU(more ...string) []quantity {
	return []quantity{
		{title: "requests per proxy-CPU-s", ratio: append([]string{"nginx", "haproxy"}, more...), print: whole, value: load(func(r *Run) float64 { return r.Load.PerCPU() })},
		{title: "us each", print: fixed2, value: load(func(r *Run) float64 { return 1e6 * r.Load.ProxyCPU / float64(max(r.Load.Requests, 1)) })},
		busy,
	}
}

const (
	idleNote = "Proportional resident memory of the processes; the kernel's own memory for a socket comes on top for all. Afterwards every connection is used once more."

	handshakeNote = "Full handshakes, no resumption: X25519, AES-128-GCM, one request, close."
)

func perIdle() []quantity {
	return []quantity{
		{title: "MB before", print: megabytes, value: idle(func(i *Idle) float64 { return float64(i.Before) })},
		{title: "KB each after 2 s", print: fixed2, value: idle(func(i *Idle) float64 { return float64(i.Soon-i.Before) / 1024 / float64(i.Open) })},
		{title: "KB each after 12 s", print: fixed2, value: idle(func(i *Idle) float64 { return float64(i.Later-i.Before) / 1024 / float64(i.Open) })},
		{title: "CPU-s per s", print: fixed3, value: idle(func(i *Idle) float64 { return i.CPU })},
	}
}

// sections are all tables there can be, in their order.
func sections() []section {
	return []section{
		{scenario: "small", title: "100 B answer, keep-alive, 64 connections", columns: perCPU()},
		{scenario: "medium", title: "10 KB answer, keep-alive, 64 connections", columns: perCPU()},
		{scenario: "post", title: "POST of 10 KB, keep-alive, 64 connections", columns: perCPU()},
		{scenario: "conn", title: "A new connection for each request", columns: perCPU()},
		{scenario: "routes", title: "10,000 host and path routes, one at random for each request, 64 connections", columns: perCPU()},
		{scenario: "stream", title: "100 MB answers, 4 connections", columns: []quantity{
			{title: "GB per proxy-CPU-s", ratio: []string{"nginx", "haproxy"}, print: fixed2, value: load(func(r *Run) float64 { return float64(r.Load.Bytes) / 1e9 / max(r.Load.ProxyCPU, 1e-3) })},
			{title: "CPU-s per GB", print: fixed3, value: load(func(r *Run) float64 { return 1e9 * r.Load.ProxyCPU / float64(max(r.Load.Bytes, 1)) })},
			busy,
		}},
		{scenario: "rate", title: "5,000 requests a second, 100 B answers, 64 connections", note: "Load and origin share one CPU; latencies below a few milliseconds at p99 are theirs as much as the proxy's.", columns: append(perCPU()[:2:2],
			quantity{title: "p50 ms", print: latency, value: load(func(r *Run) float64 { return float64(r.Load.P50) })},
			quantity{title: "p99 ms", print: latency, value: load(func(r *Run) float64 { return float64(r.Load.P99) })},
			quantity{title: "p99.9 ms", print: latency, value: load(func(r *Run) float64 { return float64(r.Load.P999) })},
			quantity{title: "not sent in time", print: whole, value: load(func(r *Run) float64 { return float64(r.Load.Unsent) })},
		)},
		{scenario: "idle", title: "10,000 idle connections that each did one request", note: idleNote, columns: perIdle()},
		{scenario: "tls", title: "TLS 1.3, 100 B answer, keep-alive, 64 connections", columns: perCPU()},
		{scenario: "handshake", title: "A new TLS 1.3 connection for each request, ECDSA P-256", note: handshakeNote, columns: perCPU()},
		{scenario: "handshake-rsa", title: "A new TLS 1.3 connection for each request, RSA-2048", note: handshakeNote, columns: perCPU()},
		{scenario: "h2", title: "HTTP/2 over TLS 1.3, 100 streams on one connection, HTTP/1.1 behind, 100 B answer", columns: perCPU("caddy")},
		{scenario: "h2c", title: "The same with prior knowledge, without TLS", columns: perCPU("caddy")},
		{scenario: "grpc", title: "gRPC unary calls of 100 B each way, 100 streams on one TLS connection, HTTP/2 behind", columns: perCPU("traefik")},
		{scenario: "tlsidle", title: "5,000 idle TLS connections that each did one request", note: idleNote, columns: perIdle()},
		{scenario: "change", title: "100,000 host and path routes: load, then a change of one", note: "Seconds until live include the period at which the proxy looks at its file; nginx and haproxy are told to reload by their signal.", columns: []quantity{
			{title: "load s", print: fixed2, value: change(func(c *Change) float64 { return c.LoadSeconds })},
			{title: "load CPU-s", print: fixed2, value: change(func(c *Change) float64 { return c.LoadCPU })},
			{title: "load peak MB", print: megabytes, value: func(r *Run) (float64, bool) {
				if r.Change == nil || r.Change.LoadPeak == 0 {
					return 0, false
				}
				return float64(r.Change.LoadPeak), true
			}},
			{title: "MB after", print: megabytes, value: change(func(c *Change) float64 { return float64(c.Memory) })},
			{title: "change s", print: fixed3, value: change(func(c *Change) float64 { return c.ChangeSeconds })},
			{title: "change CPU-s", print: fixed3, value: change(func(c *Change) float64 { return c.ChangeCPU })},
			{title: "extra peak MB", print: megabytes, value: change(func(c *Change) float64 { return float64(c.ChangeExtra) })},
		}},
	}
}

// WriteTables writes the result as Markdown.
func (r *Result) WriteTables(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s. %s, Linux %s, %s. %d rounds of %g s each, interleaved; medians. ", r.Date, r.Machine, r.Kernel, r.Go, r.Rounds, r.Seconds)
	for i, p := range r.Peers {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%s %s", p.Name, p.Version)
	}
	b.WriteString(".\n")
	for _, p := range r.Missing {
		fmt.Fprintf(&b, "Not measured: %s (%s).\n", p.Name, firstLine(p.Reason))
	}
	for _, s := range sections() {
		r.writeSection(&b, s)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}

// row is a peer's line while a table is built.
type row struct {
	peer    string
	samples []sample
	failed  bool
}

func (r *Result) writeSection(b *strings.Builder, s section) {
	var rows []row
	for _, p := range r.Peers {
		line := row{peer: p.Name}
		for _, q := range s.columns {
			v, failed := r.collect(s.scenario, p.Name, q.value)
			line.samples = append(line.samples, v)
			line.failed = line.failed || failed
		}
		if line.failed || len(line.samples[0]) > 0 {
			rows = append(rows, line)
		}
	}
	if len(rows) == 0 {
		return
	}
	fmt.Fprintf(b, "\n### %s\n\n", s.title)
	writeHead(b, s.columns)
	for _, line := range rows {
		writeRow(b, s.columns, line, rows)
	}
	if s.note != "" {
		fmt.Fprintf(b, "\n%s\n", s.note)
	}
	r.writeRemarks(b, s.scenario)
}

func writeHead(b *strings.Builder, columns []quantity) {
	head, rule := "| proxy |", "| --- |"
	for _, q := range columns {
		head, rule = head+" "+q.title+" |", rule+" ---: |"
		if len(q.ratio) > 0 {
			head, rule = head+" spread |", rule+" ---: |"
		}
		for _, peer := range q.ratio {
			head, rule = head+" to "+peer+" |", rule+" ---: |"
		}
	}
	fmt.Fprintf(b, "%s\n%s\n", head, rule)
}

func writeRow(b *strings.Builder, columns []quantity, line row, all []row) {
	name := line.peer
	if line.failed {
		name += " (failed runs)"
	}
	fmt.Fprintf(b, "| %s |", name)
	for i, q := range columns {
		s := line.samples[i]
		if len(s) == 0 {
			b.WriteString(" - |")
		} else {
			fmt.Fprintf(b, " %s |", q.print(s.median()))
		}
		if len(q.ratio) > 0 {
			fmt.Fprintf(b, " %s |", percent(s.spread()))
		}
		for _, peer := range q.ratio {
			fmt.Fprintf(b, " %s |", ratio(s, peer, i, all))
		}
	}
	b.WriteString("\n")
}

// ratio compares with the row of a peer in the same column.
func ratio(s sample, peer string, column int, all []row) string {
	for _, line := range all {
		if other := line.samples[column].median(); line.peer == peer && other > 0 && len(s) > 0 {
			return fixed2(s.median() / other)
		}
	}
	return "-"
}

// writeRemarks says which runs failed, and who cannot do it.
func (r *Result) writeRemarks(b *strings.Builder, scenario string) {
	first := true
	for i := range r.Runs {
		run := &r.Runs[i]
		if run.Scenario != scenario || !run.Failed() && run.Cannot == "" {
			continue
		}
		if first {
			b.WriteString("\n")
			first = false
		}
		if run.Cannot != "" {
			fmt.Fprintf(b, "- %s cannot: %s\n", run.Peer, run.Cannot)
			continue
		}
		reason := run.Error
		if reason == "" {
			reason = fmt.Sprintf("%d wrong answers: %v", run.Load.Failed(), run.Load.Errors)
		}
		fmt.Fprintf(b, "- %s, round %d: %s\n", run.Peer, run.Round, firstLine(reason))
	}
}
