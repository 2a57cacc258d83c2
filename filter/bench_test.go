package filter_test

import (
	"bytes"
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"fairlead.dev/fairlead/eskip"
	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/filter/filtertest"
	"fairlead.dev/fairlead/message"
)

// seekable is a body that can be read again and be closed.
type seekable struct{ *bytes.Reader }

func (seekable) Close() error { return nil }

// waits is how long one run of a filter may take to be worth measuring: a filter
// that takes longer waits for something on purpose.
const waits = 20 * time.Millisecond

// BenchmarkFilters measures each filter as its example uses it, both phases and
// what it does to the body.
func BenchmarkFilters(b *testing.B) {
	body := []byte(strings.Repeat("The quick brown fox jumps over the lazy dog. ", 20))
	for _, d := range filter.All() {
		b.Run(d.Name, func(b *testing.B) {
			x := filtertest.Get(b, "/a/b?q=1&r=2")
			for name, value := range map[string]string{
				"Accept": "*/*", "Accept-Encoding": "gzip", "User-Agent": "test", "Cookie": "session=1; other=2",
				"Origin": "https://www.example.org", "X-One": "1",
			} {
				x.Request.Header.Add(name, value)
			}
			x.Backend = func(*message.Request) *message.Response {
				resp := &message.Response{Status: 200}
				resp.Header.Add("Content-Type", "text/plain")
				resp.SetBody(io.ReadCloser(seekable{bytes.NewReader(body)}), int64(len(body)))
				return resp
			}
			ctx, cancel := context.WithTimeout(b.Context(), time.Second)
			defer cancel()
			x.Done = ctx
			run := x.Again(benchmarked(b, d))
			began := time.Now()
			run()
			if time.Since(began) > waits {
				b.Skip("it waits")
			}
			x.Done = b.Context()
			b.ReportAllocs()
			for b.Loop() {
				run()
			}
		})
	}
}

// benchmarked makes the filter of d's example.
func benchmarked(b *testing.B, d *filter.Def) filter.Filter {
	b.Helper()
	routes, err := eskip.Parse("", d.Example)
	if err != nil {
		b.Fatal(err)
	}
	for _, r := range routes {
		for _, call := range r.Filters {
			if call.Name != d.Name {
				continue
			}
			f, err := filtertest.BuildCall(nil, call)
			if err != nil {
				b.Skip(err)
			}
			if c, ok := f.(filter.Closer); ok {
				b.Cleanup(func() { _ = c.Close() }) // nothing is left to report it to
			}
			return f
		}
	}
	b.Skip("the example does not use it")
	return nil
}
