package judges

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"
)

// phase is how long honest clients are measured in peace, and at least under
// attack: longer when the attacker needs more time for what it has to do.
func phase() time.Duration {
	if testing.Short() {
		return 700 * time.Millisecond
	}
	return 1200 * time.Millisecond
}

const (
	// longest is how long a phase lasts at most.
	longest = 15 * time.Second
	// attempts is how often an attack is tried until the delays are good: the
	// machine may be busy with other things. All else must be right each time.
	attempts = 3
	// grain is what a delay may be longer without anybody noticing.
	grain = 5 * time.Millisecond
	// linesASecond is how much may be logged under attack.
	linesASecond = 15
)

// attack is one thing that clients may do to hurt us. What it does is in
// attackers (siege_attack_test.go); this is how it must end.
type attack struct {
	name string
	// args are for fairlead, beside the usual ones.
	args []string
	dose int // what the attacker has to do in each phase for it to count
	// log is what a line of the log has to say that names the attacker, access
	// one of the access log; metric is what must count it. Empty: nothing.
	log, access, metric string
	memory              int64 // how much it may cost us, in MB; 0: 64
	quick               bool  // run with -short, too
	http3               bool  // honest clients speak HTTP/3, too
}

// siege are the attacks.
var siege = []attack{
	{name: "half-open handshakes", dose: 10000, log: "tls-crowded", metric: `connections_refused_total.*tls-crowded`, memory: 192, quick: true},
	{name: "idle connections", dose: 10000, memory: 160},
	{name: "idle TLS connections", dose: 150, memory: 96},
	{name: "handshakes without a request", dose: 60},
	{name: "replayed handshakes", dose: 1000, log: "tls-", metric: `connections_refused_total.*tls-`},
	{name: "unknown names", dose: 60, log: "a name without a certificate"},
	{name: "unknown names, strictly", args: []string{"-tls-strict-sni"}, dose: 60, log: "tls-nothing-in-common|without a certificate", metric: `connections_refused_total.*tls-`},
	{name: "too many connections", args: []string{"-max-connections-per-client", "64"}, dose: 1000, log: "max-connections-per-client", metric: `connections_refused_total.*max-connections-per-client`},
	{name: "HTTP to the TLS port", dose: 200, log: "tls-plain-http", metric: `connections_refused_total.*tls-plain-http`},
	{name: "TLS to the plain port", dose: 200, access: "malformed|invalid|400"},
	{name: "garbage", dose: 200, log: "tls-not-tls", metric: `connections_refused_total.*tls-not-tls`},
	{name: "slow heads", args: []string{"-read-header-timeout-server", "2s"}, dose: 2000, memory: 96},
	{name: "slow bodies", args: []string{"-read-timeout-server", "2s"}, dose: 1000, memory: 128},
	{name: "slow readers", args: []string{"-write-timeout-server", "2s"}, dose: 300, memory: 128},
	{name: "heads of 1 MB", dose: 10, access: " 431 ", metric: `http_rejected_total`, memory: 96, quick: true},
	{name: "cookie bombs", dose: 10, access: " 431 ", metric: `http_rejected_total`, memory: 96},
	{name: "uploads nobody wants", args: []string{"-max-content-length", "1000"}, dose: 20, access: " 413 ", metric: `http_rejected_total.*payload-too-large`},
	{name: "rapid reset", dose: 1500, log: "ENHANCE_YOUR_CALM", metric: `connections_ended_total.*ENHANCE_YOUR_CALM`, quick: true},
	{name: "provoked resets", dose: 1500, log: "HTTP/2 connection ended", metric: `connections_ended_total.*HTTP/2`},
	{name: "CONTINUATION flood", dose: 500, log: "ENHANCE_YOUR_CALM", metric: `connections_ended_total.*ENHANCE_YOUR_CALM`, quick: true},
	{name: "PING flood", dose: 8000, log: "ENHANCE_YOUR_CALM", metric: `connections_ended_total.*ENHANCE_YOUR_CALM`},
	{name: "SETTINGS flood", dose: 8000, log: "ENHANCE_YOUR_CALM", metric: `connections_ended_total.*ENHANCE_YOUR_CALM`},
	{name: "empty frames", dose: 8000, log: "ENHANCE_YOUR_CALM", metric: `connections_ended_total.*ENHANCE_YOUR_CALM`},
	{name: "HTTP/2 bomb", dose: 100, memory: 128, quick: true},
	{name: "header bombs in HPACK", dose: 20},
	{name: "HTTP/3 streams given up", dose: 1000, log: "HTTP/3 connection ended", metric: `connections_ended_total.*HTTP/3`, http3: true, memory: 96},
	{name: "HTTP/3 garbage", dose: 50, log: "HTTP/3 connection ended", metric: `connections_ended_total.*HTTP/3`, http3: true, memory: 96},
	{name: "HTTP/3 header bombs", dose: 15, http3: true, memory: 128},
	{name: "HTTP/3 streams without a use", dose: 20, http3: true, memory: 96},
	{name: "datagrams that mean nothing", dose: 3000, http3: true},
	{name: "zero windows", args: []string{"-write-timeout-server", "2s"}, dose: 300, memory: 128},
}

// TestSiege attacks Fairlead in every way that siege lists, and lets honest
// clients say whether they notice: no error, and a 99th percentile of at most
// twice that of the calm phases of the same test. Fairlead runs in a process of
// its own, so does the attacker, which is not let near the processors at full
// speed: the question is what its bytes cost us, not what it costs itself.
func TestSiege(t *testing.T) {
	file := buildFairlead(t)
	for i, a := range siege {
		if testing.Short() {
			a.dose /= 2
		}
		t.Run(strings.NewReplacer(" ", "-", ",", "", "/", "-").Replace(a.name), func(t *testing.T) {
			if testing.Short() && !a.quick {
				t.Skip("make judges runs it")
			}
			newTown(t, file, a).besieged(a, fmt.Sprintf("127.66.%d.1", i))
		})
	}
}

// besieged lets peace and war take turns.
func (w *town) besieged(a attack, from string) {
	w.t.Helper()
	atk := newAttacker(w.t, order{Name: a.name, Secure: w.secure, Plain: w.plain, From: from, Dose: a.dose})
	w.measure(phase()/4, nil) // what happens once does not count
	var verdict string
	for n := 1; n <= attempts; n++ {
		before, spent := w.resources(), w.cpu()
		var calm, war []*delays
		began := time.Now()
		w.peak = resources{}
		for range 2 {
			calm = append(calm, w.measure(phase(), nil))
			dosed := atk.begin()
			war = append(war, w.measure(phase(), dosed))
			atk.end()
		}
		w.bounded(a, time.Since(began))
		if w.t.Failed() {
			return
		}
		verdict = against(war, calm)
		w.t.Logf("attempt %d: %s; most memory %d MB, %d before; most descriptors %d; processor time %v; the attacker did %d",
			n, compare(war, calm), w.peak.memory>>20, before.memory>>20, w.peak.descriptors, w.cpu()-spent, atk.did)
		if verdict == "" {
			break
		}
	}
	if verdict != "" {
		w.t.Error(verdict)
	}
	w.recovered()
	w.told(a, from)
}

// bounded says whether what the attack took was bounded.
func (w *town) bounded(a attack, lasted time.Duration) {
	w.t.Helper()
	most := a.memory
	if most == 0 {
		most = 64
	}
	if got := (w.peak.memory - w.calm.memory) >> 20; got > most {
		w.t.Errorf("memory: %d MB more than in peace, expected at most %d", got, most)
	}
	lines := strings.Count(w.log.String(), "\n")
	if got, most := lines-w.lines, int(lasted.Seconds()*linesASecond)+20; got > most {
		w.t.Errorf("log: %d lines in %v, expected at most %d:\n%s", got, lasted, most, w.log.end())
	}
	w.lines = lines
}

// recovered says whether descriptors come back when the attack is over.
func (w *town) recovered() {
	w.t.Helper()
	eventually(w.t, "the descriptors of the attacker are closed", func() bool { return w.resources().descriptors < w.calm.descriptors+100 })
}

// told says whether the logs and the metrics have it.
func (w *town) told(a attack, from string) {
	w.t.Helper()
	has := func(what, text, expr string) {
		if expr == "" {
			return
		}
		re := regexp.MustCompile(expr)
		for line := range strings.Lines(text) {
			if !strings.HasPrefix(line, "#") && re.MatchString(line) && (what == "metrics" && !strings.HasSuffix(line, " 0\n") || strings.Contains(line, from)) {
				w.t.Logf("%s: %.300s", what, strings.TrimSpace(line))
				return
			}
		}
		w.t.Errorf("%s: found nothing like %q with the attacker's address %s:\n%.3000s", what, expr, from, text)
	}
	has("log", w.log.String(), a.log)
	if a.access != "" {
		eventually(w.t, "the access log is written", func() bool { return strings.Contains(w.accessLog(), from) })
		has("access log", w.accessLog(), a.access)
	}
	if a.metric != "" {
		has("metrics", w.metrics(), a.metric)
	}
}
