package hostile

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestLogInjection: no client writes a line of its own into a log or a metric,
// nor a control sequence for the terminal of who reads it.
func TestLogInjection(t *testing.T) {
	const evil = "%0d%0aforged line%1b[31m%00%e2%80%a8"
	for _, format := range []string{"text", "json"} {
		file := filepath.Join(t.TempDir(), "access.log")
		flags := []string{"-access-log=" + file, "-access-log-disabled=false", "-histogram-metric-buckets=1", "-serve-host-metrics"}
		if format == "json" {
			flags = append(flags, "-access-log-json-enabled")
		}
		i := start(t, `r: Path("/a/*x") -> setRequestHeader("X-Y", "${x}") -> "http://127.0.0.1:1"; rest: * -> status(404) -> <shunt>`, flags...)
		requests := []string{
			"GET /a/" + evil + " HTTP/1.1\r\nHost: h\r\n\r\n",
			"GET /?" + evil + " HTTP/1.1\r\nHost: h\r\nUser-Agent: a\"b\\c\x80\xff\r\nReferer: \" 200 1\tx\r\n\r\n",
			"GET /a/" + evil + " HTTP/1.1\r\nHost: a\"b\r\n\r\n",
			"GET / HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: 1.1.1.1\" - [forged]\r\nX-Flow-Id: \xe2\x80\xa8forged\r\n\r\n",
			"FORGED\"LINE / HTTP/1.1\r\nHost: h\r\n\r\n",
			"GET /a%zz\" HTTP/1.1\r\nHost: h\r\n\r\n",
			"GET / HTTP/1.1\r\nHost: h\r\nX\x1b[31m: y\r\n\r\n",
			"\x1b[2J\r\nforged\r\n\r\n",
			"GET /a/" + strings.Repeat("%41\"", 2000) + " HTTP/1.1\r\nHost: h\r\nUser-Agent: " + strings.Repeat("\"", 9000) + "\r\n\r\n",
		}
		for _, r := range requests {
			i.get(r)
		}
		var text string
		eventually(t, "all requests are in the access log", func() bool {
			b, _ := os.ReadFile(file)
			text = string(b)
			return strings.Count(text, "\n") >= len(requests)
		})
		if n := strings.Count(text, "\n"); n != len(requests) {
			t.Errorf("%s: %d lines for %d requests:\n%s", format, n, len(requests), text)
		}
		support := &instance{t: t, addr: i.support}
		for what, text := range map[string]string{
			"access log": text, "application log": i.log.String(),
			"metrics": support.get("GET /metrics HTTP/1.1\r\nHost: h\r\n\r\n").body,
		} {
			for n, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
				if strings.HasPrefix(line, "forged") || strings.ContainsFunc(line, func(c rune) bool { return c < ' ' && c != '\t' || c == 0x7f || c == 0x85 || c == 0x2028 }) {
					t.Errorf("%s, %s, line %d: %q", format, what, n+1, line)
				}
				if len(line) > 64<<10 {
					t.Errorf("%s, %s: a line of %d bytes", format, what, len(line))
				}
				if what == "access log" && format == "json" && !json.Valid([]byte(line)) {
					t.Errorf("no JSON: %q", line)
				}
			}
		}
	}
}
