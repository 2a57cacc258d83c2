package accesslog

import (
	"bytes"
	"encoding/json"
	"hash/maphash"
	"net/netip"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/message"
)

// newLog returns a log that formats and does not write.
func newLog(v Values) *Log {
	return &Log{json: v.JSON, stripQuery: v.StripQuery, disabled: v.Disabled, seed: maphash.MakeSeed()}
}

// full is an entry with everything known.
func full() Entry {
	return Entry{
		Received: time.Date(2026, 10, 9, 13, 55, 36, 0, time.FixedZone("", -7*3600)),
		Duration: 42*time.Millisecond + 900*time.Microsecond,
		Remote:   netip.MustParseAddrPort("[::ffff:192.0.2.7]:4711"),
		Method:   "GET", Path: "/a%20b", Query: "q=1&token=s3cret", Major: 1, Minor: 1,
		Host: "www.example.org:8080", Referer: "https://example.org/?token=s3cret", UserAgent: "curl/8.5 (x)",
		FlowID: "flow-1", Audit: "alice", Status: 418, Size: 2326,
	}
}

func TestCombined(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*Entry)
		values Values
		want   string
	}{
		"all": {want: `192.0.2.7 - - [09/Oct/2026:13:55:36 -0700] "GET /a%20b?q=1&token=s3cret HTTP/1.1" 418 2326 "https://example.org/?token=s3cret" "curl/8.5 (x)" 42 www.example.org:8080 flow-1 alice`},
		"user and forwarded": {
			change: func(e *Entry) { e.User, e.ForwardedFor = "bob", "203.0.113.9, 10.0.0.1" },
			want:   `203.0.113.9, 10.0.0.1 - bob [09/Oct/2026:13:55:36 -0700] "GET /a%20b?q=1&token=s3cret HTTP/1.1" 418 2326 "https://example.org/?token=s3cret" "curl/8.5 (x)" 42 www.example.org:8080 flow-1 alice`,
		},
		"nothing": {
			change: func(e *Entry) { *e = Entry{Received: e.Received, Status: 400, Reason: message.ReasonBadRequestLine} },
			want:   `- - - [09/Oct/2026:13:55:36 -0700] "- - -" 400 0 "-" "-" 0 - - -`,
		},
		"strip query": {
			change: func(e *Entry) { e.Referer = "" }, values: Values{StripQuery: true},
			want: `192.0.2.7 - - [09/Oct/2026:13:55:36 -0700] "GET /a%20b HTTP/1.1" 418 2326 "-" "curl/8.5 (x)" 42 www.example.org:8080 flow-1 alice`,
		},
		"injection": {
			change: func(e *Entry) {
				*e = Entry{Received: e.Received, ForwardedFor: "1.1.1.1 - - [x] \"GET\n", Method: "G T", Path: "/\"\r\n", Host: "a b\x00",
					Referer: "\"\x1b[31m\x7f", UserAgent: "\xc3\xa9\\\"", FlowID: " ", Audit: "a\tb", Major: 2}
			},
			want: `1.1.1.1\x20-\x20-\x20[x]\x20\"GET\x0a - - [09/Oct/2026:13:55:36 -0700] "G\x20T /\"\x0d\x0a HTTP/2.0" 0 0 "\"\x1b[31m\x7f" "\xc3\xa9\\\"" 0 a\x20b\x00 \x20 a\x09b`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			e := full()
			if tc.change != nil {
				tc.change(&e)
			}
			if diff := cmp.Diff(tc.want+"\n", string(newLog(tc.values).line(nil, &e))); diff != "" {
				t.Errorf("line differs (-want +got):\n%s", diff)
			}
		})
	}
}

func TestJSON(t *testing.T) {
	l, e := newLog(Values{JSON: true}), full()
	want := `{"host":"192.0.2.7","timestamp":"09/Oct/2026:13:55:36 -0700","method":"GET","uri":"/a%20b?q=1&token=s3cret","proto":"HTTP/1.1",` +
		`"status":418,"response-size":2326,"referer":"https://example.org/?token=s3cret","user-agent":"curl/8.5 (x)","duration":42,` +
		`"requested-host":"www.example.org:8080","flow-id":"flow-1","audit":"alice"}` + "\n"
	if diff := cmp.Diff(want, string(l.line(nil, &e))); diff != "" {
		t.Errorf("line differs (-want +got):\n%s", diff)
	}
	e = Entry{Received: e.Received, User: "bob", Reason: message.ReasonDialFailed, Status: 502, UserAgent: "é\u202e\u2028\xff\x00\"\\\U000e0001"}
	want = `{"host":"","timestamp":"09/Oct/2026:13:55:36 -0700","method":"","uri":"","proto":"-","status":502,"response-size":0,"referer":"",` +
		`"user-agent":"é\u202e\u2028\ufffd\u0000\"\\\udb40\udc01","duration":0,"requested-host":"","flow-id":"","audit":"","auth-user":"bob","reason":"dial-failed"}` + "\n"
	if diff := cmp.Diff(want, string(l.line(nil, &e))); diff != "" {
		t.Errorf("line differs (-want +got):\n%s", diff)
	}
}

func TestMask(t *testing.T) {
	l := newLog(Values{})
	mask := regexp.MustCompile(`[0-9a-f]{16}`)
	for query, want := range map[string]string{
		"token=s3cret":             "token=*",
		"a=1&token=s3cret&b=2":     "a=1&token=*&b=2",
		"token=s3cret&token=again": "token=*&token=*",
		"%74oken=s3cret":           "%74oken=*",
		"a+key=s3cret":             "a+key=*",
		"token=":                   "token=",
		"token":                    "token",
		"tokens=1&toke=2&Token=3":  "tokens=1&toke=2&Token=3",
		"a=1;token=s3cret;b=2&c=3": "a=1;token=*&c=3",
		"token=s3;cret=1":          "token=*",
		"&&a=1&":                   "&&a=1&",
		"%zz=1&token%":             "%zz=1&token%",
		"token=s%26cret%3D":        "token=*",
	} {
		e := Entry{Path: "/", Query: query, Referer: "http://x/?" + query, MaskQuery: []string{"token", "a key"}}
		for _, got := range []string{string(l.appendURI(nil, &e, appendWord)), string(l.appendReferer(nil, &e, appendQuoted))} {
			_, got, _ = strings.Cut(mask.ReplaceAllString(got, "*"), "?")
			if got != want {
				t.Errorf("query %q is logged as %q, want %q", query, got, want)
			}
		}
	}
	one, two := l.appendMask(nil, "a"), l.appendMask(nil, "b")
	if !bytes.Equal(one, l.appendMask(nil, "a")) || bytes.Equal(one, two) {
		t.Error("equal values must have equal masks, others not")
	}
	if bytes.Equal(one, newLog(Values{}).appendMask(nil, "a")) {
		t.Error("two processes must not have equal masks")
	}
}

func TestLongFieldsAreCut(t *testing.T) {
	long := strings.Repeat("\x01", 100_000)
	e := Entry{ForwardedFor: long, Method: long, Path: long, Query: long, Host: long, Referer: long + "?" + long, UserAgent: long,
		FlowID: long, Audit: long, User: long, MaskQuery: []string{"x"}}
	for _, json := range []bool{true, false} {
		line := newLog(Values{JSON: json}).line(nil, &e)
		if len(line) > maxPending || bytes.Count(line, []byte(cutMark)) < 10 {
			t.Errorf("the longest line has %d bytes and %d cuts", len(line), bytes.Count(line, []byte(cutMark)))
		}
	}
}

func TestStamps(t *testing.T) {
	var s stamps
	utc := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	east := utc.In(time.FixedZone("", 3600))
	for _, at := range []time.Time{utc, utc.Add(999 * time.Millisecond), utc.Add(time.Second), utc, east, utc, utc.Add(time.Hour)} {
		if got, want := string(s.append(nil, at)), at.Format(dateLayout); got != want {
			t.Errorf("%v is written %q, want %q", at, got, want)
		}
	}
}

func TestWanted(t *testing.T) {
	all := []int{100, 200, 204, 301, 404, 410, 500, 503}
	for name, tc := range map[string]struct {
		disabled bool
		filter   filter.AccessLog
		want     []int
	}{
		"default":          {want: all},
		"disabled":         {disabled: true},
		"filter on":        {disabled: true, filter: filter.AccessLog{Enabled: filter.On}, want: all},
		"filter off":       {filter: filter.AccessLog{Enabled: filter.Off}},
		"on for classes":   {disabled: true, filter: filter.AccessLog{Enabled: filter.On, Prefixes: []int{4, 5}}, want: []int{404, 410, 500, 503}},
		"on for decade":    {filter: filter.AccessLog{Enabled: filter.On, Prefixes: []int{40}}, want: []int{404}},
		"on for one":       {filter: filter.AccessLog{Enabled: filter.On, Prefixes: []int{404}}, want: []int{404}},
		"off for one":      {filter: filter.AccessLog{Enabled: filter.Off, Prefixes: []int{200}}, want: []int{100, 204, 301, 404, 410, 500, 503}},
		"prefixes of none": {filter: filter.AccessLog{Prefixes: []int{200}}, want: all},
	} {
		l := newLog(Values{Disabled: tc.disabled})
		var got []int
		for _, status := range all {
			if l.Wanted(&tc.filter, status) {
				got = append(got, status)
			}
		}
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%s: logged statuses differ (-want +got):\n%s", name, diff)
		}
	}
}

var combinedLine = regexp.MustCompile(`^([^ "]|, )+ - [^ "]+ \[[^\]"]+\] "[^ "]+ [^ "]+ [^ "]+" \d+ \d+ "[ -~]+" "[ -~]+" \d+ [^ ]+ [^ ]+ [^ ]+\n$`)

// FuzzLine puts anything into every field: a line stays one line of printable
// characters with its fields in place, and JSON stays JSON.
func FuzzLine(f *testing.F) {
	f.Add("1.1.1.1, 2.2.2.2", "/p", "a=b&token=c", "\"\\\n", "", uint8(1))
	f.Add("\x00\x1b[0m", "\u2028\u202e", "%", "\xff\xfe", "{}", uint8(0))
	f.Add(", , \", ", "\\", ";&=", "\\\"", "\\x0a", uint8(9))
	f.Fuzz(func(t *testing.T, chain, path, query, agent, host string, major uint8) {
		e := Entry{ForwardedFor: chain, User: host, Method: agent, Path: path, Query: query, Major: major, Host: host,
			Referer: path + "?" + query, UserAgent: agent, FlowID: host, Audit: chain, MaskQuery: []string{"token", path}}
		text := newLog(Values{}).line(nil, &e)
		for _, c := range text[:len(text)-1] {
			if c < ' ' || c > '~' {
				t.Fatalf("line has byte %#x: %q", c, text)
			}
		}
		if !combinedLine.Match(unescapeQuotes(text)) {
			t.Fatalf("line is out of shape: %q", text)
		}
		text = newLog(Values{JSON: true}).line(nil, &e)
		var object map[string]any
		if err := json.Unmarshal(text, &object); err != nil {
			t.Fatalf("%v: %q", err, text)
		}
		if len(object) < 13 || len(object) > 14 || strings.Count(string(text), "\n") != 1 {
			t.Fatalf("line has %d keys: %q", len(object), text)
		}
		for _, r := range string(text[:len(text)-1]) {
			if !unicode.IsPrint(r) {
				t.Fatalf("line has %U: %q", r, text)
			}
		}
	})
}

// unescapeQuotes takes escaped quotes and backslashes away, so that the quotes
// that are left are those of the format.
func unescapeQuotes(line []byte) []byte {
	return regexp.MustCompile(`\\["\\]`).ReplaceAll(line, []byte("_"))
}

func TestLineAllocatesNothing(t *testing.T) {
	e, buf := full(), make([]byte, 0, 1024)
	e.MaskQuery = []string{"token"}
	e.UserAgent = "\"é\n"
	for _, json := range []bool{true, false} {
		l := newLog(Values{JSON: json})
		l.line(buf, &e)
		if n := testing.AllocsPerRun(100, func() { buf = l.line(buf[:0], &e) }); n != 0 {
			t.Errorf("a line (json %v) costs %v allocations", json, n)
		}
	}
}
