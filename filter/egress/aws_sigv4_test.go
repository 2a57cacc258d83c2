package egress_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"fairlead.dev/fairlead/filter/filtertest"
	"fairlead.dev/fairlead/message"
)

// verify signs what arrived once more, from the rules of AWS and not with its
// library, and compares.
func verify(t *testing.T, x *filtertest.Exchange, secret, path, query, body string) {
	t.Helper()
	h := &x.Request.Header
	auth := h.Get("Authorization")
	var credential, signed, signature string
	for part := range strings.SplitSeq(strings.TrimPrefix(auth, "AWS4-HMAC-SHA256 "), ", ") {
		name, value, _ := strings.Cut(part, "=")
		switch name {
		case "Credential":
			credential = value
		case "SignedHeaders":
			signed = value
		case "Signature":
			signature = value
		}
	}
	scope := strings.Split(credential, "/") // key, day, region, service, aws4_request
	if len(scope) != 5 {
		t.Fatalf("Authorization is %q", auth)
	}
	var fields strings.Builder
	for name := range strings.SplitSeq(signed, ";") {
		value := strings.Join(slices.Collect(h.Values(name)), ",")
		if name == "content-length" {
			value = fmt.Sprint(x.Request.ContentLength)
		}
		fmt.Fprintf(&fields, "%s:%s\n", name, value)
	}
	sum := func(s string) string { b := sha256.Sum256([]byte(s)); return hex.EncodeToString(b[:]) }
	hash := h.Get("X-Amz-Content-Sha256")
	if hash != "UNSIGNED-PAYLOAD" && hash != sum(body) {
		t.Errorf("the hash %s is not that of the body", hash)
	}
	canonical := strings.Join([]string{x.Request.Method, path, query, fields.String(), signed, hash}, "\n")
	text := strings.Join([]string{"AWS4-HMAC-SHA256", h.Get("X-Amz-Date"), strings.Join(scope[1:], "/"), sum(canonical)}, "\n")
	key := []byte("AWS4" + secret)
	for _, s := range append(scope[1:], text) {
		m := hmac.New(sha256.New, key)
		_, _ = io.WriteString(m, s)
		key = m.Sum(nil)
	}
	if want := hex.EncodeToString(key); signature != want {
		t.Errorf("signature %s, want %s for\n%s", signature, want, canonical)
	}
}

func sigv4Exchange(t *testing.T, target string) *filtertest.Exchange {
	x := filtertest.Get(t, target)
	h := &x.Request.Header
	h.Add("x-amz-accesskey", "AKID")
	h.Add("X-Amz-Secret", "SECRET")
	h.Add("X-Amz-Session", "SESSION")
	h.Add("X-Amz-Time", "2026-11-21T12:00:00Z")
	h.Add("X-Amz-Target", "prefix.Operation")
	h.Add("Content-Type", "application/x-amz-json-1.0")
	h.Add("Authorization", "Bearer of the client")
	h.Add("User-Agent", "x")
	return x
}

func TestAWSSigV4(t *testing.T) {
	for _, c := range []struct {
		name           string
		args           []any
		target         string
		body           string
		change         func(x *filtertest.Exchange)
		path, query    string
		host           string
		session, empty bool
	}{
		{name: "as usual", target: "/a%20b/c?z=1&a=2", body: "{}", path: "/a%2520b/c", query: "a=2&z=1", host: "dynamodb.us-east-1.amazonaws.com", session: true},
		{name: "S3", args: []any{"s3", "eu-central-1", "true", "true", "true"}, target: "/a%20b", path: "/a%20b", host: "s3.eu-central-1.amazonaws.com"},
		{name: "a host of ours", target: "/", path: "/", host: "bucket.example", session: true, change: func(x *filtertest.Exchange) { x.Upstream.Host = "bucket.example" }},
		{name: "a body that is not signed", target: "/", body: "long", path: "/", host: "dynamodb.us-east-1.amazonaws.com", session: true,
			change: func(x *filtertest.Exchange) { x.Request.Header.Add("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD") }},
		{name: "no session", target: "/", path: "/", host: "dynamodb.us-east-1.amazonaws.com", change: func(x *filtertest.Exchange) { x.Request.Header.Del("X-Amz-Session") }},
		{name: "a token of the client's", target: "/", path: "/", host: "dynamodb.us-east-1.amazonaws.com", change: func(x *filtertest.Exchange) {
			x.Request.Header.Del("X-Amz-Session")
			x.Request.Header.Add("X-Amz-Security-Token", "theirs")
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			x := sigv4Exchange(t, c.target)
			if c.body != "" {
				x.Request.Method = "POST"
				x.Request.SetBody(strings.NewReader(c.body), message.Unknown)
			}
			if c.change != nil {
				c.change(x)
			}
			args := c.args
			if args == nil {
				args = []any{"dynamodb", "us-east-1", "false", "false", "false"}
			}
			x.Run(filtertest.Build(t, "awsSigv4", args...))
			if !x.Forwarded {
				t.Fatalf("refused: %v", x.Refused())
			}
			h := &x.Request.Header
			for _, name := range []string{"X-Amz-Accesskey", "X-Amz-Secret", "X-Amz-Session", "X-Amz-Time"} {
				if h.Has(name) {
					t.Errorf("%s goes to the backend", name)
				}
			}
			if x.Upstream.Host != c.host || h.Get("X-Amz-Date") != "20261121T120000Z" {
				t.Errorf("host %q, date %q", x.Upstream.Host, h.Get("X-Amz-Date"))
			}
			if got := h.Get("X-Amz-Security-Token"); (got == "SESSION") != c.session || !c.session && got != "" {
				t.Errorf("token %q", got)
			}
			if x.Request.Body != nil {
				if b, err := io.ReadAll(x.Request.Body); err != nil || string(b) != c.body {
					t.Errorf("the body is %q, %v", b, err)
				}
			}
			verify(t, x, "SECRET", c.path, c.query, c.body)
		})
	}
}

func TestAWSSigV4Refuses(t *testing.T) {
	for name, c := range map[string]struct {
		change func(r *message.Request)
		want   message.Reason
	}{
		"no key":        {func(r *message.Request) { r.Header.Del("X-Amz-Accesskey") }, message.ReasonUnauthorized},
		"no secret":     {func(r *message.Request) { r.Header.Del("X-Amz-Secret") }, message.ReasonUnauthorized},
		"no time":       {func(r *message.Request) { r.Header.Set("X-Amz-Time", "yesterday") }, message.ReasonUnauthorized},
		"a long body":   {func(r *message.Request) { r.SetBody(strings.NewReader(strings.Repeat("x", 1<<20+1)), message.Unknown) }, message.ReasonPayloadTooLarge},
		"it is told":    {func(r *message.Request) { r.SetBody(strings.NewReader(""), 1<<20+1) }, message.ReasonPayloadTooLarge},
		"a broken body": {func(r *message.Request) { r.SetBody(io.MultiReader(strings.NewReader("x"), brokenBody{}), 5) }, message.ReasonBodyCut},
		"no hash":       {func(r *message.Request) { r.Header.Set("X-Amz-Content-Sha256", "abc") }, message.ReasonBadHeaderValue},
		"no query":      {func(r *message.Request) { r.Query = "a=%zz" }, message.ReasonBadTarget},
	} {
		x := sigv4Exchange(t, "/")
		c.change(x.Request)
		x.Run(filtertest.Build(t, "awsSigv4", "dynamodb", "us-east-1", "false", "false", "false"))
		if x.Forwarded || x.Refused() != c.want {
			t.Errorf("%s: forwarded %v, refused for %v, want %v", name, x.Forwarded, x.Refused(), c.want)
		}
		if x.Request.Header.Has("X-Amz-Secret") {
			t.Errorf("%s: the secret is still there", name)
		}
	}
}

type brokenBody struct{}

func (brokenBody) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// Without a time of the request's own it is signed as of now.
func TestAWSSigV4Now(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(36 * time.Hour)
		x := sigv4Exchange(t, "/")
		x.Request.Header.Del("X-Amz-Time")
		x.Run(filtertest.Build(t, "awsSigv4", "dynamodb", "us-east-1", "false", "false", "false"))
		if got := x.Request.Header.Get("X-Amz-Date"); got != "20000102T120000Z" {
			t.Errorf("date %q", got)
		}
		verify(t, x, "SECRET", "/", "", "")
	})
}

func TestAWSSigV4Arguments(t *testing.T) {
	for want, args := range map[string][]any{
		"argument 1 (service): found \"\"":   {"", "us-east-1", "false", "false", "false"},
		"argument 2 (region): found \"a b\"": {"s3", "a b", "false", "false", "false"},
		"argument 3":                         {"s3", "us-east-1", "x", "false", "false"},
		"found 2 arguments":                  {"s3", "us-east-1"},
	} {
		if err := filtertest.BuildError(t, "awsSigv4", args...); !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v, want %q in it", args, err, want)
		}
	}
}

func TestBackendIsProxy(t *testing.T) {
	x := filtertest.New(t)
	x.Run(filtertest.Build(t, "backendIsProxy"))
	if !x.Upstream.ToProxy {
		t.Error("nothing was asked for")
	}
}

func BenchmarkAWSSigV4(b *testing.B) {
	f := filtertest.Build(b, "awsSigv4", "dynamodb", "us-east-1", "false", "false", "true")
	x := filtertest.New(b)
	b.ReportAllocs()
	for b.Loop() {
		h := &x.Request.Header
		h.Reset()
		h.Add("X-Amz-Accesskey", "AKID")
		h.Add("X-Amz-Secret", "SECRET")
		x.Restart()
		f.Request(x.Context)
	}
}
