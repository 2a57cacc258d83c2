package filter

import (
	"strings"
	"testing"

	"fairlead.dev/fairlead/message"
)

func TestCheckSettable(t *testing.T) {
	for name, want := range map[string]string{
		"X-A":               "",
		"Host":              "",
		"!#$%&'*+-.^_`|~09": "",
		"":                  "empty",
		"X A":               "may not stand in a header name",
		"X:":                "may not stand",
		"X\r\nY":            "may not stand",
		"Ü":                 "may not stand",
		"Content-Length":    "where a message ends",
		"transfer-encoding": "where a message ends",
		"Connection":        "belongs to one connection",
		"Keep-Alive":        "belongs to one connection",
		"Upgrade":           "belongs to one connection",
		"TE":                "belongs to one connection",
		"Trailer":           "belongs to one connection",
		"Expect":            "belongs to one connection",
		"Proxy-Connection":  "belongs to one connection",
	} {
		err := CheckSettable(name)
		switch {
		case want == "" && err != nil:
			t.Errorf("%q: %v", name, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%q: %v, want %q in it", name, err, want)
		}
	}
}

func TestValidFieldValue(t *testing.T) {
	for value, want := range map[string]bool{
		"": true, "a b": true, "a\tb": true, "ü\xff": true,
		"a\rb": false, "a\nb": false, "a\x00b": false, "a\x7f": false, "\x1b[0m": false,
	} {
		if got := ValidFieldValue(value); got != want {
			t.Errorf("ValidFieldValue(%q) = %v", value, got)
		}
		if got := CheckFieldValue(value) == nil; got != want {
			t.Errorf("CheckFieldValue(%q) accepts: %v", value, got)
		}
	}
}

func TestValidHost(t *testing.T) {
	for host, want := range map[string]bool{
		"example.org": true, "example.org:80": true, "[2001:db8::1]:80": true, "10.0.0.1": true, "a_b": true,
		"": false, "a b": false, "a/b": false, "a\r\nb": false, "user@host": false, "a?b": false, "ü": false,
	} {
		if got := ValidHost(host); got != want {
			t.Errorf("ValidHost(%q) = %v", host, got)
		}
	}
}

func TestAddVary(t *testing.T) {
	for _, tt := range []struct {
		have []string
		want string
	}{
		{nil, "Accept-Encoding"},
		{[]string{"Origin"}, "Origin|Accept-Encoding"},
		{[]string{"Origin, accept-encoding"}, "Origin, accept-encoding"},
		{[]string{"Origin", "ACCEPT-ENCODING ,x"}, "Origin|ACCEPT-ENCODING ,x"},
		{[]string{"*"}, "*"},
		{[]string{"Accept-Encoding-X"}, "Accept-Encoding-X|Accept-Encoding"},
	} {
		var h message.Header
		for _, v := range tt.have {
			h.Add("Vary", v)
		}
		AddVary(&h, "Accept-Encoding")
		var got []string
		for v := range h.Values("Vary") {
			got = append(got, v)
		}
		if s := strings.Join(got, "|"); s != tt.want {
			t.Errorf("%q became %q, want %q", tt.have, s, tt.want)
		}
	}
}

func TestAnnotations(t *testing.T) {
	c := &Context{}
	c.Begin(&message.Request{}, nil)
	if v, ok := Annotation(c, "k"); ok {
		t.Errorf("found %q before anything was said", v)
	}
	Annotate(c, "k", "1")
	Annotate(c, "l", "2")
	Annotate(c, "k", "3")
	for key, want := range map[string]string{"k": "3", "l": "2"} {
		if v, ok := Annotation(c, key); v != want || !ok {
			t.Errorf("%s is %q, %v; want %q", key, v, ok, want)
		}
	}
	c.Begin(&message.Request{}, nil)
	if v, ok := Annotation(c, "k"); ok {
		t.Errorf("%q survived the exchange", v)
	}
}
