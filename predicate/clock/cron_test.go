package clock

import (
	"math/bits"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"fairlead.dev/fairlead/message"
	"fairlead.dev/fairlead/predicate/predicatetest"
)

func TestCron(t *testing.T) {
	// 2026-11-01 is a Sunday.
	for _, tt := range []struct {
		expr, local string
		want        bool
	}{
		{"* * * * *", "2026-11-01T00:00:00", true},
		{"30 * * * *", "2026-11-01T10:30:59", true},
		{"30 * * * *", "2026-11-01T10:31:00", false},
		{"20-40,50 * * * *", "2026-11-01T10:40:00", true},
		{"20-40,50 * * * *", "2026-11-01T10:41:00", false},
		{"20-40,50 * * * *", "2026-11-01T10:50:00", true},
		{"*/15 * * * *", "2026-11-01T10:45:00", true},
		{"*/15 * * * *", "2026-11-01T10:44:00", false},
		{"10-30/10 * * * *", "2026-11-01T10:30:00", true},
		{"10-30/10 * * * *", "2026-11-01T10:40:00", false},
		{"* 9-17 * * *", "2026-11-01T17:59:59", true},
		{"* 9-17 * * *", "2026-11-01T18:00:00", false},
		{"* * 1 * *", "2026-11-01T00:00:00", true},
		{"* * */2 * *", "2026-11-03T00:00:00", true},
		{"* * */2 * *", "2026-11-02T00:00:00", false},
		{"* * * 11 *", "2026-11-30T23:59:59", true},
		{"* * * 1-10,12 *", "2026-11-01T00:00:00", false},
		{"* * * * 0", "2026-11-01T00:00:00", true},
		{"* * * * 7", "2026-11-01T00:00:00", true},
		{"* * * * 5-7", "2026-11-01T00:00:00", true},
		{"* * * * 1-6", "2026-11-01T00:00:00", false},
		{"* * * * */2", "2026-11-02T00:00:00", false},
		{"* * 1 * 1", "2026-11-01T00:00:00", false}, // both, not one of them
		{"  0\t0 1 1   * ", "2026-01-01T00:00:00", true},
	} {
		at, err := time.ParseInLocation(local, tt.local, time.Local)
		if err != nil {
			t.Fatal(err)
		}
		p := predicatetest.New(t, `Cron("`+tt.expr+`")`)
		// The zone of the time itself does not count.
		for _, at := range []time.Time{at, at.UTC(), at.In(time.FixedZone("", 3*3600+1800))} {
			req := &message.Request{Received: at}
			if got := p.Match(req); got != tt.want {
				t.Errorf("%q at %s: %v", tt.expr, at, got)
			}
			if n := testing.AllocsPerRun(10, func() { p.Match(req) }); n != 0 {
				t.Errorf("%v allocations", n)
			}
		}
	}
}

// TestNow asks in virtual time about requests that do not say when they came.
func TestNow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		every := predicatetest.New(t, `Cron("*/10 * * * *")`)
		soon := predicatetest.New(t, `After("2000-01-01T00:30:00Z")`)
		var minutes, late int
		for range 60 { // from midnight UTC of 2000-01-01 on
			if every.Match(&message.Request{}) {
				minutes++
			}
			if soon.Match(&message.Request{}) {
				late++
			}
			time.Sleep(time.Minute)
		}
		if minutes != 6 || late != 30 {
			t.Errorf("%d minutes match, %d are after half past, want 6 and 30", minutes, late)
		}
	})
}

func TestCronRejects(t *testing.T) {
	predicatetest.Rejects(t, map[string]string{
		`Cron()`:                               "found 0 arguments, expected (expression)",
		`Cron("")`:                             `argument 1 (expression): found "", expected five fields`,
		`Cron("* * * *")`:                      "expected five fields",
		`Cron("* * * * * *")`:                  "expected five fields",
		`Cron("60 * * * *")`:                   `minute "60": found "60", expected a number from 0 to 59`,
		`Cron("* 1,,3 * * *")`:                 `hour "1,,3": found "", expected a number from 0 to 23`,
		`Cron("* 2-3-5 * * *")`:                `found "3-5"`,
		`Cron("* * 0 * *")`:                    "day of the month",
		`Cron("* * * 13 *")`:                   "month",
		`Cron("* * * JAN *")`:                  `found "JAN", expected a number from 1 to 12`,
		`Cron("* * * * 8")`:                    "day of the week",
		`Cron("+1 * * * *")`:                   `found "+1"`,
		`Cron("5/10 * * * *")`:                 `found the step "/10" behind one value`,
		`Cron("*/0 * * * *")`:                  `step: found "0", expected a number from 1 to 59`,
		`Cron("40-20 * * * *")`:                `found the range "40-20"`,
		`Cron("99999999999999999999 * * * *")`: "expected a number",
		`Cron("` + strings.Repeat("1,", 600) + `1 * * * *")`: "expected at most 1024",
	})
}

func FuzzCron(f *testing.F) {
	for _, s := range []string{"* * * * *", "*/5 9-17 1,15 */2 1-5", "0-59/7 0 31 12 7", "a b c d e", "1-2-3 * * * *", "*/99 * * * *"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, expr string) {
		m, err := parseCron(expr)
		if err != nil {
			if strings.ContainsAny(err.Error(), "\n\r") {
				t.Errorf("the error has lines: %q", err)
			}
			return
		}
		for i, f := range cronFields {
			if m[i] == 0 || m[i]&(1<<f.least-1) != 0 || bits.Len64(m[i]) > f.top+1 {
				t.Errorf("%q: %s is %b", expr, f.name, m[i])
			}
		}
	})
}

func BenchmarkMatch(b *testing.B) {
	req := &message.Request{Received: time.Now()}
	for _, text := range []string{`Cron("*/5 9-17 * * 1-5")`, `After("2016-01-01T12:00:00Z")`, `Between(100, 200)`} {
		b.Run(text, func(b *testing.B) {
			p := predicatetest.New(b, text)
			b.ReportAllocs()
			for b.Loop() {
				p.Match(req)
			}
		})
	}
}
