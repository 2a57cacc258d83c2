package diag_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/filter/filtertest"
	"fairlead.dev/fairlead/message"
)

// paced runs a body of 10 KB through a filter and returns how long it took and how
// large the largest piece was.
func paced(t *testing.T, x *filtertest.Exchange, call []any) (took time.Duration, largest int) {
	t.Helper()
	body := strings.Repeat("x", 10<<10)
	x.Answer(200, body)
	x.Request.SetBody(strings.NewReader(body), int64(len(body)))
	x.Run(filtertest.Build(t, call[0].(string), call[1:]...))
	r := x.Response.Body
	if strings.HasPrefix(call[0].(string), "backend") {
		r = x.Request.Body
		if x.Request.ContentLength != int64(len(body)) {
			t.Errorf("%v: the length became %d", call, x.Request.ContentLength)
		}
	}
	begun := time.Now()
	got, p := 0, make([]byte, 16<<10)
	for {
		n, err := r.Read(p)
		got += n
		largest = max(largest, n)
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if got != len(body) {
		t.Errorf("%v: got %d bytes", call, got)
	}
	return time.Since(begun), largest
}

func TestPace(t *testing.T) {
	for _, tt := range []struct {
		call    []any
		took    time.Duration
		largest int
	}{
		{[]any{"bandwidth", 1}, 10 * time.Second, 20},
		{[]any{"backendBandwidth", 5}, 2 * time.Second, 102},
		{[]any{"bandwidth", 1 << 20}, 9536 * time.Nanosecond, 10 << 10},
		{[]any{"bandwidth", 0.001}, 10_000 * time.Second, 1},
		{[]any{"chunks", 1024, "1s"}, 10 * time.Second, 1024},
		{[]any{"chunks", 1000, "1s"}, 10 * time.Second, 1000},
		{[]any{"chunks", 20000, "1s"}, 0, 10 << 10},
		{[]any{"backendChunks", 1024, 500}, 5 * time.Second, 1024},
		{[]any{"chunks", 1024, "0"}, 0, 1024},
	} {
		synctest.Test(t, func(t *testing.T) {
			took, largest := paced(t, filtertest.New(t), tt.call)
			if math.Abs(float64(took-tt.took)) > float64(tt.took)/50 || largest != tt.largest {
				t.Errorf("%v: took %v, want %v, largest piece %d, want %d", tt.call, took, tt.took, largest, tt.largest)
			}
		})
	}
}

func TestPaceEndsWithTheExchange(t *testing.T) {
	for _, call := range [][]any{{"bandwidth", 1}, {"backendBandwidth", 1}, {"chunks", 1, "1h"}, {"backendChunks", 1, "1h"}, {"tarpit", "1h"}} {
		synctest.Test(t, func(t *testing.T) {
			x := filtertest.New(t)
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			x.Done = ctx
			x.Answer(200, strings.Repeat("x", 10<<10))
			x.Request.SetBody(strings.NewReader(strings.Repeat("x", 10<<10)), 10<<10)
			x.Run(filtertest.Build(t, call[0].(string), call[1:]...))
			r := x.Response.Body
			if strings.HasPrefix(call[0].(string), "backend") {
				r = x.Request.Body
			}
			begun := time.Now()
			_, err := io.Copy(io.Discard, r)
			if !errors.Is(err, context.DeadlineExceeded) || time.Since(begun) != time.Second {
				t.Errorf("%v: %v after %v", call, err, time.Since(begun))
			}
		})
	}
}

func TestTarpit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := filtertest.New(t)
		x.Run(filtertest.Build(t, "tarpit", "1s"))
		begun := time.Now()
		p := make([]byte, 100)
		if n, err := x.Response.Body.Read(p); n != 1 || err != nil || time.Since(begun) != time.Second {
			t.Errorf("%d, %v after %v", n, err, time.Since(begun))
		}
		n, err := io.Copy(io.Discard, x.Response.Body)
		if x.Forwarded || x.Response.Status != 200 || n != 3599 || err != nil || time.Since(begun) != time.Hour {
			t.Errorf("%d bytes, %v after %v", n, err, time.Since(begun))
		}
	})
}

func TestJitter(t *testing.T) {
	type bounds struct{ least, most, mean time.Duration }
	for _, tt := range []struct {
		call []any
		want bounds
	}{
		{[]any{"uniformRequestLatency", "100ms", "10ms"}, bounds{90 * time.Millisecond, 110 * time.Millisecond, 100 * time.Millisecond}},
		{[]any{"uniformResponseLatency", 100, 0}, bounds{100 * time.Millisecond, 100 * time.Millisecond, 100 * time.Millisecond}},
		{[]any{"uniformResponseLatency", "10ms", "1s"}, bounds{0, 1010 * time.Millisecond, 255 * time.Millisecond}},
		{[]any{"normalRequestLatency", "1s", "10ms"}, bounds{900 * time.Millisecond, 1100 * time.Millisecond, time.Second}},
		{[]any{"normalResponseLatency", "1s", "100ms"}, bounds{200 * time.Millisecond, 2 * time.Second, time.Second}},
		{[]any{"histogramRequestLatency", "0ms", 50, "10ms", 0, "20ms", 50, "30ms"}, bounds{0, 30 * time.Millisecond, 15 * time.Millisecond}},
		{[]any{"histogramResponseLatency", "1s", 1, "2s"}, bounds{time.Second, 2 * time.Second, 1500 * time.Millisecond}},
	} {
		synctest.Test(t, func(t *testing.T) {
			f := filtertest.Build(t, tt.call[0].(string), tt.call[1:]...)
			response := strings.Contains(tt.call[0].(string), "Response")
			const rounds = 2000
			var sum time.Duration
			for range rounds {
				x := filtertest.New(t)
				begun := time.Now()
				var reached time.Duration
				x.Backend = func(*message.Request) *message.Response {
					reached = time.Since(begun)
					return &message.Response{Status: 200}
				}
				x.Run(f)
				d := time.Since(begun)
				if d < tt.want.least || d > tt.want.most || response && reached != 0 || !response && reached != d {
					t.Fatalf("%v: waited for %v, %v of that before the backend", tt.call, d, reached)
				}
				if tt.call[0] == "histogramRequestLatency" && d > 10*time.Millisecond && d < 20*time.Millisecond {
					t.Fatalf("%v: waited for %v, which weighs nothing", tt.call, d)
				}
				sum += d
			}
			if mean := sum / rounds; math.Abs(float64(mean-tt.want.mean)) > float64(tt.want.mean)/5 {
				t.Errorf("%v: waited for %v in the mean, want about %v", tt.call, mean, tt.want.mean)
			}
		})
	}
}

func TestWrap(t *testing.T) {
	for _, tt := range []struct {
		call       []any
		method     string
		status     int
		body, want string
		unknown    bool
		length     int64
		tag        string
	}{
		{[]any{"wrapContent", "foo", "baz"}, "GET", 200, "bar", "foobarbaz", false, 9, `W/"1"`},
		{[]any{"wrapContent", "foo", "baz"}, "GET", 200, "bar", "foobarbaz", true, message.Unknown, `W/"1"`},
		{[]any{"wrapContent", "foo", "baz"}, "GET", 404, "", "foobaz", false, 6, `W/"1"`},
		{[]any{"wrapContent", "", ""}, "GET", 200, "bar", "bar", false, 3, `W/"1"`},
		{[]any{"wrapContentHex", "68657861", "6D616c"}, "GET", 200, "deci", "hexadecimal", false, 11, `W/"1"`},
		{[]any{"wrapContent", "foo", "baz"}, "GET", 206, "bar", "bar", false, 3, `"1"`},
		{[]any{"wrapContent", "foo", "baz"}, "GET", 204, "", "", false, 0, `"1"`},
		{[]any{"wrapContent", "foo", "baz"}, "GET", 304, "", "", false, 0, `"1"`},
		{[]any{"wrapContent", "foo", "baz"}, "HEAD", 200, "", "", false, 0, `"1"`},
	} {
		x := filtertest.New(t)
		x.Request.Method = tt.method
		x.Answer(tt.status, tt.body, "ETag", `"1"`)
		answer := x.Backend
		x.Backend = func(r *message.Request) *message.Response {
			resp := answer(r)
			if tt.unknown {
				resp.ContentLength = message.Unknown
			}
			return resp
		}
		x.Run(filtertest.Build(t, tt.call[0].(string), tt.call[1:]...))
		if x.Response.ContentLength != tt.length || x.Response.Header.Get("ETag") != tt.tag {
			t.Errorf("%v, %s, %d: length %d, %v", tt.call, tt.method, tt.status, x.Response.ContentLength, x.Response.Header.Fields())
		}
		if got := x.ResponseBody(); got != tt.want {
			t.Errorf("%v, %s, %d: got %q", tt.call, tt.method, tt.status, got)
		}
	}
	x := filtertest.New(t)
	x.Request.Method = "HEAD"
	x.Backend = func(*message.Request) *message.Response { return &message.Response{Status: 200, ContentLength: 3} }
	x.Run(filtertest.Build(t, "wrapContent", "foo", "baz"))
	if x.Response.ContentLength != 9 || x.Response.Body != nil {
		t.Errorf("HEAD: length %d", x.Response.ContentLength)
	}
}

// logged returns an environment whose log can be read.
func logged() (*filter.Env, *bytes.Buffer) {
	var b bytes.Buffer
	return filter.NewEnv(nil, slog.New(slog.NewTextHandler(&b, nil))), &b
}

func TestAbsorb(t *testing.T) {
	for _, name := range []string{"absorb", "absorbSilent"} {
		env, log := logged()
		x := filtertest.New(t)
		x.Request.Header.Add("X-Flow-Id", "flow1")
		x.Request.SetBody(strings.NewReader(strings.Repeat("x", 5<<20)), message.Unknown)
		x.Run(filtertest.BuildEnv(t, env, name))
		if x.Forwarded || x.Response.Status != 200 || x.Response.Body != nil {
			t.Errorf("%s: got %+v", name, x.Response)
		}
		want := 5 // received, 1, 2 and 4 MB, finished
		if name == "absorbSilent" {
			want = 0
		}
		if got := strings.Count(log.String(), "flow1"); got != want {
			t.Errorf("%s: %d lines, want %d: %s", name, got, want, log)
		}
		if name == "absorb" && !strings.Contains(log.String(), "bytes=5242880") {
			t.Errorf("the log says %s", log)
		}
		x = filtertest.New(t)
		x.Run(filtertest.BuildEnv(t, env, name))
		if x.Response.Status != 200 {
			t.Errorf("%s without a body: %d", name, x.Response.Status)
		}
		log.Reset()
		for _, tt := range []struct {
			err    error
			reason message.Reason
		}{
			{io.ErrUnexpectedEOF, message.ReasonBodyCut},
			{message.Malformed(message.ReasonBadTrailer, "x"), message.ReasonBadTrailer},
			{&filter.BodyError{Reason: message.ReasonPayloadTooLarge}, message.ReasonPayloadTooLarge},
		} {
			x = filtertest.New(t)
			x.Request.SetBody(io.MultiReader(strings.NewReader("abc"), iotest.ErrReader(tt.err)), message.Unknown)
			x.Run(filtertest.BuildEnv(t, env, name))
			if x.Refused() != tt.reason || x.Response.Status != tt.reason.Status() || !strings.Contains(log.String(), "bytes=3") {
				t.Errorf("%s, %v: refused for %v: %s", name, tt.err, x.Refused(), log)
			}
		}
	}
}

func TestLogHeader(t *testing.T) {
	for _, tt := range []struct {
		args              []any
		request, response bool
	}{
		{nil, true, false}, {[]any{"request"}, true, false}, {[]any{"response"}, false, true}, {[]any{"response", "request"}, true, true},
	} {
		env, log := logged()
		x := filtertest.Get(t, "/path?token=secret0")
		x.Answer(200, "", "X-Answer", "yes\r\nand more", "set-cookie", "secret1")
		for _, f := range [][2]string{
			{"AUTHORIZATION", "Bearer secret2"}, {"Cookie", "a=secret3"}, {"Proxy-Authorization", "secret4 x"}, {"X-Api-Key", "secret5"},
			{"X-Long", strings.Repeat("y", 5000)},
		} {
			x.Request.Header.Add(f[0], f[1])
		}
		for range 500 {
			x.Request.Header.Add("X-Many", "1")
		}
		x.Run(filtertest.BuildEnv(t, env, "logHeader", tt.args...))
		text := log.String()
		if strings.Contains(text, "secret") || strings.Count(text, "\n") != strings.Count(text, "level=INFO") || len(text) > 8000 {
			t.Errorf("%v: %s", tt.args, text)
		}
		if got := strings.Contains(text, "path=/path") && strings.Contains(text, "Bearer (not shown)"); got != tt.request {
			t.Errorf("%v: %s", tt.args, text)
		}
		if got := strings.Contains(text, "X-Answer: yes"); got != tt.response {
			t.Errorf("%v: %s", tt.args, text)
		}
	}
}

func TestLogBody(t *testing.T) {
	for _, tt := range []struct {
		what  string
		limit int
		want  string
	}{
		{"request", 5, "reque"}, {"response", 5, "respo"}, {"request", 100, "request body"}, {"response", 100, "response body"}, {"request", 0, ""},
	} {
		env, log := logged()
		x := filtertest.New(t)
		x.Request.Header.Add("X-Flow-Id", "flow1")
		x.Request.SetBody(iotest.OneByteReader(strings.NewReader("request body")), 12)
		x.Answer(200, "response body")
		x.Run(filtertest.BuildEnv(t, env, "logBody", tt.what, tt.limit))
		b, err := io.ReadAll(x.Request.Body)
		if string(b) != "request body" || err != nil || x.Request.ContentLength != 12 || x.ResponseBody() != "response body" {
			t.Errorf("%v: got %q, %v", tt, b, err)
		}
		var got strings.Builder
		for line := range strings.Lines(log.String()) {
			_, text, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "bytes=")
			got.WriteString(strings.Trim(text, `"`))
			if !strings.Contains(line, "flow=flow1") || !strings.Contains(line, "msg=logBody of="+tt.what) {
				t.Errorf("%v: line %s", tt, line)
			}
		}
		if got.String() != tt.want {
			t.Errorf("%v: logged %q", tt, got.String())
		}
	}
	x := filtertest.New(t)
	x.Run(filtertest.Build(t, "logBody", "request", 10), filtertest.Build(t, "logBody", "response", 10))
	if x.Request.Body != nil || x.Response.Body != nil {
		t.Error("a body came from nowhere")
	}
}

func TestBodiesRefused(t *testing.T) {
	for _, tt := range []struct {
		want string
		call []any
	}{
		{"argument 1 (speed): found 0, expected more than nothing", []any{"bandwidth", 0}},
		{"argument 1 (speed)", []any{"backendBandwidth", -1}},
		{"argument 1 (length)", []any{"chunks", 0, "1s"}},
		{"argument 2 (delay): found the delay -1s", []any{"backendChunks", 1, "-1s"}},
		{"argument 1 (interval): found 0s, expected more than nothing", []any{"tarpit", 0}},
		{"argument 2 (suffix): found \"x\", expected pairs", []any{"wrapContentHex", "00", "x"}},
		{"found 1 argument", []any{"absorb", 1}},
		{"argument 2 (delta): found the delay -1ms", []any{"uniformRequestLatency", 1, -1}},
		{"found 2 arguments, expected bounds", []any{"histogramRequestLatency", "1ms", 5}},
		{"argument 2 (bound or weight): found \"x\", expected the weight", []any{"histogramRequestLatency", "1ms", "x", "2ms"}},
		{"argument 3 (bound or weight): found \"5\", expected a bound", []any{"histogramRequestLatency", "1ms", 1, 5}},
		{"argument 3 (bound or weight): found the bound 1ms, expected more", []any{"histogramResponseLatency", "1ms", 1, "1ms"}},
		{"the weights add up to nothing", []any{"histogramResponseLatency", "1ms", 0, "2ms"}},
		{"argument 1 (what)", []any{"logHeader", "both"}},
		{"argument 1 (what)", []any{"logBody", "both", 1}},
		{"argument 2 (limit)", []any{"logBody", "request", -1}},
	} {
		if err := filtertest.BuildError(t, tt.call[0].(string), tt.call[1:]...); !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%v: %v, want %q in it", tt.call, err, tt.want)
		}
	}
}

func BenchmarkBodies(b *testing.B) {
	body := strings.Repeat("x", 64<<10)
	p := make([]byte, 16<<10)
	for _, call := range [][]any{{"bandwidth", 1 << 30}, {"chunks", 4096, "0"}, {"wrapContent", "[", "]"}, {"logBody", "response", 100}} {
		f := filtertest.Build(b, call[0].(string), call[1:]...)
		b.Run(call[0].(string), func(b *testing.B) {
			x := filtertest.New(b)
			b.ReportAllocs()
			b.SetBytes(int64(len(body)))
			for b.Loop() {
				x.Response = &message.Response{Status: 200}
				x.Response.SetBody(strings.NewReader(body), int64(len(body)))
				x.RunResponse(f)
				for {
					if _, err := x.Response.Body.Read(p); err != nil {
						break
					}
				}
			}
		})
	}
	for _, call := range [][]any{{"absorbSilent"}, {"uniformRequestLatency", 0, 0}, {"logHeader"}} {
		f := filtertest.Build(b, call[0].(string), slices.Clone(call[1:])...)
		b.Run(call[0].(string), func(b *testing.B) {
			x := filtertest.New(b)
			b.ReportAllocs()
			for b.Loop() {
				x.RunRequest(f)
			}
		})
	}
}
