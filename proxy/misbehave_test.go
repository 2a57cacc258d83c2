package proxy_test

import (
	"errors"
	"io"
	"strings"
	"sync/atomic"
	"testing"

	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/message"
)

// misbehave is a filter that does what its argument says, things that the
// filters of Fairlead do not do.
var _ = filter.Define(filter.Def{
	Name:    "misbehave",
	Params:  []arg.Param{{Name: "how", Type: arg.Text}},
	Doc:     "does what the tests of the proxy need",
	Example: `* -> misbehave("panic in request") -> <shunt>`,
	New: func(v arg.Values, _ *filter.Env) (filter.Filter, error) {
		return misbehave(v.Text(0)), nil
	},
})

type misbehave string

// openBodies counts the bodies of misbehave that were not closed.
var openBodies atomic.Int32

// waiting counts the exchanges in which misbehave waits.
var waiting atomic.Int32

func (f misbehave) Request(c *filter.Context) {
	switch f {
	case "panic in request":
		panic("request")
	case "drop request body":
		c.Request.SetBody(nil, 0)
	case "replace request body":
		c.Request.SetBody(strings.NewReader("other"), 5)
	case "promise a longer request body":
		c.Request.ContentLength += 10
	case "read a part of the request body":
		_, _ = io.ReadFull(c.Request.Body, make([]byte, 2))
	case "panic in request body":
		c.Request.SetBody(panickingReader{}, 10)
	case "make it a GET":
		c.Request.Method = "GET"
	case "wait":
		waiting.Add(1)
		<-c.Context().Done()
		waiting.Add(-1)
	case "set X-User":
		c.Request.Header.Set("X-User", "checked")
	case "split the request":
		c.Request.Header.Set("X-A", "1\r\nX-Evil: 1\r\n\r\nGET /evil HTTP/1.1")
		c.Request.Header.Add("X-B\r\nX-Evil", "1")
		c.Request.Header.Add("X-C", "2\x003")
	case "split the request line":
		c.Request.Query = "a HTTP/1.1\r\nX-Evil: 1"
	case "smuggle a space into the request line":
		c.Request.RawPath = "/a HTTP/1.1 /b"
	}
}

func (f misbehave) Response(c *filter.Context) {
	r := c.Response
	switch f {
	case "panic in response":
		r.SetBody(countedBody(r.Body), message.Unknown)
		panic("response")
	case "panic in response body":
		r.SetBody(countedBody(panickingReader{}), message.Unknown)
	case "break off the response body":
		r.SetBody(countedBody(io.MultiReader(strings.NewReader("begun"), brokenReader{})), message.Unknown)
	case "break off a response body of known length":
		r.SetBody(countedBody(io.MultiReader(strings.NewReader("begun"), brokenReader{})), 10)
	case "promise a longer response body":
		r.ContentLength += 10
	case "deliver a longer response body":
		r.SetBody(countedBody(strings.NewReader("much longer")), 4)
	case "wrap the response body":
		r.SetBody(countedBody(r.Body), r.ContentLength)
	case "wrap it with unknown length":
		r.SetBody(countedBody(r.Body), message.Unknown)
	case "forget the length":
		r.ContentLength = message.Unknown
	case "split the response":
		r.Header.Set("X-A", "1\r\nX-Evil: 1")
		r.Header.Add("X-B\nX-Evil", "1")
	}
}

type panickingReader struct{}

func (panickingReader) Read([]byte) (int, error) { panic("body") }

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, errors.New("broken") }

type counted struct {
	io.Reader
	closed bool
}

func countedBody(r io.Reader) io.Reader {
	if r == nil {
		r = strings.NewReader("")
	}
	openBodies.Add(1)
	return &counted{Reader: r}
}

func (c *counted) Close() error {
	if c.closed {
		panic("closed twice")
	}
	c.closed = true
	openBodies.Add(-1)
	return nil
}

// checkIdle fails the test unless no body is open and no endpoint counts a
// request.
func (p *testProxy) checkIdle(t *testing.T) {
	t.Helper()
	eventually(t, "all bodies are closed and no request is counted", func() bool {
		for _, e := range p.endpoints.All() {
			if e.Inflight() != 0 {
				return false
			}
		}
		return openBodies.Load() == 0
	})
}
