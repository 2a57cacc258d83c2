package diag_test

import (
	"context"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	_ "fairlead.dev/fairlead/filter/diag"
	"fairlead.dev/fairlead/filter/filtertest"
	"fairlead.dev/fairlead/message"
)

func TestLatency(t *testing.T) {
	for _, tt := range []struct {
		call              []any
		request, response time.Duration
	}{
		{[]any{"latency", 120}, 0, 120 * time.Millisecond},
		{[]any{"latency", "1.5s"}, 0, 1500 * time.Millisecond},
		{[]any{"latency", 0}, 0, 0},
		{[]any{"backendLatency", "2h"}, 2 * time.Hour, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			x := filtertest.New(t)
			start := time.Now()
			var reached time.Duration
			x.Backend = func(*message.Request) *message.Response {
				reached = time.Since(start)
				return &message.Response{Status: 200}
			}
			x.Run(filtertest.Build(t, tt.call[0].(string), tt.call[1:]...))
			if total := time.Since(start); reached != tt.request || total-reached != tt.response {
				t.Errorf("%v: %v before the backend, %v behind; want %v, %v", tt.call, reached, total-reached, tt.request, tt.response)
			}
		})
	}
}

func TestLatencyEndsWithTheExchange(t *testing.T) {
	for _, name := range []string{"latency", "backendLatency"} {
		synctest.Test(t, func(t *testing.T) {
			x := filtertest.New(t)
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			x.Done = ctx
			start := time.Now()
			x.Run(filtertest.Build(t, name, "1h"))
			if d := time.Since(start); d != time.Second {
				t.Errorf("%s waited for %v", name, d)
			}
		})
	}
}

func TestContent(t *testing.T) {
	for _, tt := range []struct {
		call              []any
		want, contentType string
	}{
		{[]any{"repeatContent", "abc", 8}, "abcabcab", "text/plain"},
		{[]any{"repeatContent", "abc", 2}, "ab", "text/plain"},
		{[]any{"repeatContent", "abc", 0}, "", "text/plain"},
		{[]any{"repeatContentHex", "00fF", 3}, "\x00\xff\x00", "application/octet-stream"},
	} {
		x := filtertest.New(t)
		x.Run(filtertest.Build(t, tt.call[0].(string), tt.call[1:]...))
		r := x.Response
		if x.Forwarded || r.Status != 200 || r.ContentLength != int64(len(tt.want)) || r.Header.Get("Content-Type") != tt.contentType {
			t.Errorf("%v: got %+v", tt.call, r)
		}
		if body := x.ResponseBody(); body != tt.want {
			t.Errorf("%v: body %q, want %q", tt.call, body, tt.want)
		}
	}
}

// Pieces of odd sizes fit together.
func TestRepeatInPieces(t *testing.T) {
	x := filtertest.New(t)
	x.Run(filtertest.Build(t, "repeatContent", "0123456789", 1003))
	var got strings.Builder
	for buf := make([]byte, 7); ; {
		n, err := x.Response.Body.Read(buf)
		got.Write(buf[:n])
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if want := strings.Repeat("0123456789", 101)[:1003]; got.String() != want {
		t.Errorf("got %q", got.String())
	}
}

func TestRandomContent(t *testing.T) {
	bodies := map[string]bool{}
	for range 3 {
		x := filtertest.New(t)
		x.Run(filtertest.Build(t, "randomContent", 5000))
		if x.Response.ContentLength != 5000 {
			t.Errorf("length %d", x.Response.ContentLength)
		}
		body := x.ResponseBody()
		if len(body) != 5000 || strings.ContainsFunc(body, func(r rune) bool { return r < '+' || r > 'z' }) {
			t.Errorf("body of %d bytes: %q", len(body), body[:50])
		}
		bodies[body] = true
	}
	if len(bodies) != 3 {
		t.Error("the same content twice")
	}
}

// A length of many gigabytes costs nothing before it is read.
func TestLongContent(t *testing.T) {
	x := filtertest.New(t)
	x.Run(filtertest.Build(t, "randomContent", 1<<40))
	if n, err := io.CopyN(io.Discard, x.Response.Body, 1<<20); n != 1<<20 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
}

func TestRefused(t *testing.T) {
	for _, tt := range []struct {
		want string
		call []any
	}{
		{"found the delay -1ms", []any{"latency", -1}},
		{"found the delay -1s", []any{"backendLatency", "-1s"}},
		{`expected a duration such as "1.5s"`, []any{"latency", "x"}},
		{"argument 1 (length)", []any{"randomContent", -1}},
		{"found the string", []any{"randomContent", "10"}},
		{"nothing to repeat", []any{"repeatContent", "", 10}},
		{"nothing to repeat", []any{"repeatContentHex", "", 10}},
		{"expected pairs of hexadecimal digits", []any{"repeatContentHex", "0g", 10}},
		{"argument 2 (length)", []any{"repeatContent", "a", 1.5}},
	} {
		if err := filtertest.BuildError(t, tt.call[0].(string), tt.call[1:]...); !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%v: %v, want %q in it", tt.call, err, tt.want)
		}
	}
}
