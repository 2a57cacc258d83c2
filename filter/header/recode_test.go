package header_test

import (
	"encoding/base64"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/filter/filtertest"
)

func TestContextHeaders(t *testing.T) {
	for _, tt := range []struct {
		call     call
		request  []string
		response []string
		host     string
	}{
		{call{"setContextRequestHeader", "X-One", "user"}, []string{"Host: h", "X-One: alice"}, []string{"X-One: 1"}, ""},
		{call{"appendContextRequestHeader", "X-One", "user"}, []string{"Host: h", "X-One: 1", "X-One: alice"}, []string{"X-One: 1"}, ""},
		{call{"setContextResponseHeader", "X-One", "user"}, []string{"Host: h", "X-One: 1"}, []string{"X-One: alice"}, ""},
		{call{"appendContextResponseHeader", "X-One", "user"}, []string{"Host: h", "X-One: 1"}, []string{"X-One: 1", "X-One: alice"}, ""},
		{call{"setContextRequestHeader", "X-One", "none"}, []string{"Host: h"}, []string{"X-One: 1"}, ""},
		{call{"setContextRequestHeader", "X-One", "evil"}, []string{"Host: h"}, []string{"X-One: 1"}, ""},
		{call{"setContextRequestHeader", "X_One", "user"}, []string{"Host: h", "X_One: alice"}, []string{"X-One: 1"}, ""},
		{call{"appendContextRequestHeader", "X-One", "evil"}, []string{"Host: h", "X-One: 1"}, []string{"X-One: 1"}, ""},
		{call{"setContextResponseHeader", "X-One", "evil"}, []string{"Host: h", "X-One: 1"}, []string{"X-One: 1"}, ""},
		{call{"setContextRequestHeader", "X-One", "empty"}, []string{"Host: h", "X-One: "}, []string{"X-One: 1"}, ""},
		{call{"setContextRequestHeader", "Host", "user"}, []string{"Host: alice", "X-One: 1"}, []string{"X-One: 1"}, "alice"},
		{call{"appendContextRequestHeader", "Host", "user"}, []string{"Host: alice", "X-One: 1"}, []string{"X-One: 1"}, "alice"},
		{call{"setContextRequestHeader", "Host", "evil"}, []string{"Host: h", "X-One: 1"}, []string{"X-One: 1"}, ""},
	} {
		x := filtertest.New(t)
		x.Request.Header.Reset()
		x.Request.Header.Add("Host", "h")
		x.Request.Header.Add("X-One", "1")
		x.Answer(200, "", "X-One", "1")
		filter.SetState(x.Context, "user", "bob")
		filter.SetState(x.Context, "user", "alice")
		filter.SetState(x.Context, "evil", "a\r\nX-Evil: 1")
		filter.SetState(x.Context, "empty", "")
		x.Run(filtertest.Build(t, tt.call[0].(string), tt.call[1:]...))
		if d := cmp.Diff(tt.request, fields(&x.Request.Header)); d != "" {
			t.Errorf("%v: request (-want +got)\n%s", tt.call, d)
		}
		if d := cmp.Diff(tt.response, fields(&x.Response.Header)); d != "" {
			t.Errorf("%v: response (-want +got)\n%s", tt.call, d)
		}
		if x.Upstream.Host != tt.host {
			t.Errorf("%v: host %q", tt.call, x.Upstream.Host)
		}
	}
}

func TestRecodedHeaders(t *testing.T) {
	for _, tt := range []struct {
		call  call
		value string
		want  string
	}{
		{call{"encodeBase64%sHeader", "X-V"}, "abc", "YWJj"},
		{call{"encodeBase64%sHeader", "X-V"}, "a b", "YSBi"},
		{call{"encodeBase64%sHeader", "X-V"}, "", ""},
		{call{"encodeBase64%sHeader", "X-V", 0}, "abc", "YWJj"},
		{call{"encodeBase64%sHeader", "X-V", 1}, "Bearer abc", "Bearer YWJj"},
		{call{"encodeBase64%sHeader", "X-V", 1}, "Bearer  abc x", "Bearer  YWJj x"},
		{call{"encodeBase64%sHeader", "X-V", 2}, "Bearer abc", "Bearer abc"},
		{call{"encodeBase64%sHeader", "X-V", 0}, "  ", "  "},
		{call{"encodeBase64%sHeader", "X-None"}, "abc", "abc"},
		{call{"decodeBase64%sHeader", "X-V"}, "YWJj", "abc"},
		{call{"decodeBase64%sHeader", "X-V"}, "YQ==", "a"},
		{call{"decodeBase64%sHeader", "X-V"}, "YQ", "YQ"},
		{call{"decodeBase64%sHeader", "X-V"}, "a b", "a b"},
		{call{"decodeBase64%sHeader", "X-V", 1}, "Bearer YWJj", "Bearer abc"},
		{call{"decodeBase64%sHeader", "X-V", 1}, "Bearer %%%", "Bearer %%%"},
		{call{"decodeBase64%sHeader", "X-V"}, "YQ0KWC1FdmlsOiAx", "YQ0KWC1FdmlsOiAx"}, // a line end
		{call{"decodeBase64%sHeader", "X-V"}, "AA==", "AA=="},
		{call{"encode%sHeader", "X-V", "ISO8859_1"}, "J\u00fcrgen", "J\xfcrgen"},
		{call{"encode%sHeader", "X-V", "ISO8859_1"}, "plain", "plain"},
		{call{"encode%sHeader", "X-V", "ISO8859_1"}, "\u20ac 5", "? 5"},
		{call{"encode%sHeader", "X-V", "ISO8859_15"}, "\u20ac 5", "\xa4 5"},
		{call{"encode%sHeader", "X-V", "Windows1252"}, "\u20ac 5", "\x80 5"},
		{call{"encode%sHeader", "X-V", "KOI8R"}, "\u0416", "\xf6"},
		{call{"encode%sHeader", "X-V", "ISO8859_1"}, "J\xfcrgen", "J\xfcrgen"},
	} {
		for _, phase := range []string{"Request", "Response"} {
			x := filtertest.New(t)
			x.Request.Header.Add("X-V", tt.value)
			x.Answer(200, "", "x-v", tt.value)
			name := strings.Replace(tt.call[0].(string), "%s", phase, 1)
			x.Run(filtertest.Build(t, name, tt.call[1:]...))
			got, other := x.Request.Header.Get("X-V"), x.Response.Header.Get("X-V")
			if phase == "Response" {
				got, other = other, got
			}
			if got != tt.want || other != tt.value {
				t.Errorf("%s%q of %q: got %q, want %q, the other phase has %q", name, tt.call[1:], tt.value, got, tt.want, other)
			}
		}
	}
}

// The first value takes the place of all.
func TestRecodedValues(t *testing.T) {
	x := filtertest.New(t)
	x.Request.Header.Add("X-V", "a")
	x.Request.Header.Add("x-v", "b")
	x.Run(filtertest.Build(t, "encodeBase64RequestHeader", "X-V"))
	if d := cmp.Diff([]string{"YQ=="}, filtertest.Fields(&x.Request.Header, "X-V")); d != "" {
		t.Error(d)
	}
}

func TestRecodingRefused(t *testing.T) {
	for _, tt := range []struct {
		call call
		want string
	}{
		{call{"setContextRequestHeader", "X"}, "found 1 argument, expected (name, key)"},
		{call{"setContextRequestHeader", "X", ""}, `argument 2 (key): found ""`},
		{call{"appendContextRequestHeader", "X Y", "k"}, "may not stand in a header name"},
		{call{"setContextResponseHeader", "Content-Length", "k"}, "says where a message ends"},
		{call{"appendContextResponseHeader", "Connection", "k"}, "belongs to one connection"},
		{call{"encodeBase64RequestHeader"}, "found 0 arguments, expected (name[, part])"},
		{call{"encodeBase64RequestHeader", "X", -1}, "argument 2 (part)"},
		{call{"decodeBase64RequestHeader", "X", 1.5}, "argument 2 (part)"},
		{call{"decodeBase64ResponseHeader", "X", "1"}, "argument 2 (part)"},
		{call{"encodeBase64ResponseHeader", "", 1}, "argument 1 (name): the header name is empty"},
		{call{"decodeBase64RequestHeader", "Host"}, `argument 1 (name): found "Host", expected a header that may have any value`},
		{call{"encodeRequestHeader", "X"}, "expected (name, charset)"},
		{call{"encodeRequestHeader", "X", "Latin1"}, "argument 2 (charset)"},
		{call{"encodeResponseHeader", "Host", "ISO8859_1"}, `argument 1 (name): found "Host"`},
		{call{"encodeResponseHeader", "TE", "ISO8859_1"}, "belongs to one connection"},
	} {
		if err := filtertest.BuildError(t, tt.call[0].(string), tt.call[1:]...); !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q: %v, want %q in it", tt.call, err, tt.want)
		}
	}
}

func TestRecodingAllocations(t *testing.T) {
	for _, tt := range []struct {
		call  call
		value string
		want  float64
	}{
		{call{"encodeBase64RequestHeader", "X-V"}, "abc", 1},
		{call{"decodeBase64RequestHeader", "X-V"}, "YWJj", 1},
		{call{"encodeRequestHeader", "X-V", "ISO8859_1"}, "abc", 0},
		{call{"encodeRequestHeader", "X-V", "ISO8859_1"}, "\u00fc", 1},
		{call{"setContextRequestHeader", "X-V", "none"}, "", 0},
	} {
		x := filtertest.New(t)
		x.Request.Header.Add("X-V", tt.value)
		if n := x.Allocs(filtertest.Build(t, tt.call[0].(string), tt.call[1:]...)); n != tt.want {
			t.Errorf("%v: %v allocations, want %v", tt.call, n, tt.want)
		}
	}
}

// FuzzRecode makes sure that no value becomes another field, and that parts that
// were encoded come back.
func FuzzRecode(f *testing.F) {
	f.Add("Bearer abc", 1)
	f.Add("YQ0KWC1FdmlsOiAx", 0)
	f.Add("\u20ac\u00fc", 7)
	f.Fuzz(func(t *testing.T, value string, part int) {
		if !filter.ValidFieldValue(value) {
			return
		}
		run := func(name, value string, args ...any) string {
			x := filtertest.New(t)
			x.Request.Header.Add("X-V", value)
			x.Run(filtertest.Build(t, name, append([]any{"X-V"}, args...)...))
			got := x.Request.Header.Get("X-V")
			if !filter.ValidFieldValue(got) || x.Request.Header.Len() != 2 {
				t.Fatalf("%s(%v) of %q: %q", name, args, value, fields(&x.Request.Header))
			}
			return got
		}
		part &= 7
		if back := run("decodeBase64RequestHeader", run("encodeBase64RequestHeader", value, part), part); back != value {
			t.Errorf("part %d of %q comes back as %q", part, value, back)
		}
		if b, err := base64.StdEncoding.DecodeString(run("encodeBase64RequestHeader", value)); err != nil || string(b) != value {
			t.Errorf("%q is encoded as %q: %v", value, b, err)
		}
		run("decodeBase64RequestHeader", value)
		if got := run("encodeRequestHeader", value, "Windows1252"); utf8.ValidString(value) && len(got) != utf8.RuneCountInString(value) {
			t.Errorf("%q has become %q", value, got)
		}
	})
}
