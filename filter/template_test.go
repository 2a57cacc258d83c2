package filter

import (
	"net/netip"
	"strings"
	"testing"

	"fairlead.dev/fairlead/message"
)

func templateContext() *Context {
	req := &message.Request{
		Method: "GET", Host: "www.example.org:8080", Path: "/a b", RawPath: "/a%20b", Query: "q=x%20y&empty=",
		Remote: netip.MustParseAddrPort("192.0.2.1:1234"),
	}
	req.Header.Add("x-one", "1")
	req.Header.Add("X-One", "2")
	req.Header.Add("Cookie", "c=cake; d=dough")
	req.Header.Add("X-Forwarded-For", "10.0.0.1, 10.0.0.2")
	c := &Context{}
	c.Begin(req, nil)
	c.Params = message.Params{{Name: "id", Value: "42"}, {Name: "*", Value: "/rest"}}
	return c
}

func TestTemplateExpand(t *testing.T) {
	for _, tt := range []struct {
		text, want string
		complete   bool
	}{
		{"", "", true},
		{"plain", "plain", true},
		{"${id}", "42", true},
		{"/v2/${id}/x", "/v2/42/x", true},
		{"${id}${id}-${*}", "4242-/rest", true},
		{"${missing}", "", false},
		{"a${missing}b${id}", "ab42", false},
		{"${request.method}", "GET", true},
		{"${request.host}", "www.example.org:8080", true},
		{"${request.path}", "/a b", true},
		{"${request.rawQuery}", "q=x%20y&empty=", true},
		{"${request.source}", "10.0.0.1", true},
		{"${request.sourceFromLast}", "10.0.0.2", true},
		{"${request.clientIP}", "192.0.2.1", true},
		{"${request.header.X-One}", "1", true},
		{"${request.header.X-None}", "", false},
		{"${request.header.Host}", "www.example.org:8080", true},
		{"${request.query.q}", "x y", true},
		{"${request.query.empty}", "", false},
		{"${request.query.none}", "", false},
		{"${request.cookie.d}", "dough", true},
		{"${request.cookie.e}", "", false},
		{"${response.header.X-Two}", "", false},
		// What is no placeholder is text.
		{"${", "${", true},
		{"${id", "${id", true},
		{"${}", "${}", true},
		{"$id", "$id", true},
		{"a${id}b${", "a42b${", true},
		{"${a{id}", "${a{id}", true},
		{"${${id}}", "${42}", true},
		{"}${id}{", "}42{", true},
	} {
		tmpl, err := NewTemplate(tt.text)
		if err != nil {
			t.Errorf("NewTemplate(%q): %v", tt.text, err)
			continue
		}
		got, complete := tmpl.Expand(templateContext())
		if got != tt.want || complete != tt.complete {
			t.Errorf("%q gives %q, %v; want %q, %v", tt.text, got, complete, tt.want, tt.complete)
		}
		if tmpl.Text() != tt.text {
			t.Errorf("Text of %q is %q", tt.text, tmpl.Text())
		}
	}
}

func TestTemplateOfResponse(t *testing.T) {
	c := templateContext()
	c.Response = &message.Response{}
	c.Response.Header.Add("Location", "/there")
	tmpl, err := NewTemplate("at ${response.header.location}")
	if err != nil {
		t.Fatal(err)
	}
	if got, ok := tmpl.Expand(c); got != "at /there" || !ok {
		t.Errorf("got %q, %v", got, ok)
	}
}

func TestTemplateManyParts(t *testing.T) {
	tmpl, err := NewTemplate(strings.Repeat("<${id}>", 50))
	if err != nil {
		t.Fatal(err)
	}
	if got, ok := tmpl.Expand(templateContext()); got != strings.Repeat("<42>", 50) || !ok {
		t.Errorf("got %q, %v", got, ok)
	}
}

func TestTemplateErrors(t *testing.T) {
	for text, want := range map[string]string{
		"${request.heder.X-One}": `did you mean "${request.header.X-One}"?`,
		"${request.pth}":         `did you mean "${request.path}"?`,
		"${request.header.}":     "unknown placeholder",
		"${response.status}":     "unknown placeholder",
		"x${request.x.y}":        `unknown placeholder "${request.x.y}"`,
	} {
		_, err := NewTemplate(text)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("NewTemplate(%q): %v; want %q in it", text, err, want)
		}
	}
}

func TestTemplateAllocations(t *testing.T) {
	c := templateContext()
	for text, want := range map[string]float64{
		"static":                        0,
		"${id}":                         0,
		"${request.header.X-One}":       0,
		"${request.cookie.c}":           0,
		"${request.host}":               0,
		"${id}-${request.header.x-one}": 1,
	} {
		tmpl, err := NewTemplate(text)
		if err != nil {
			t.Fatal(err)
		}
		if n := testing.AllocsPerRun(100, func() { tmpl.Expand(c) }); n != want {
			t.Errorf("%q: %v allocations, want %v", text, n, want)
		}
	}
}

// FuzzTemplate: nothing panics, text without placeholders stays as it is, and
// text around a placeholder too.
func FuzzTemplate(f *testing.F) {
	for _, s := range []string{"", "${id}", "a${id}b", "${${id}}", "${request.header.X}${", "${}{}$"} {
		f.Add(s)
	}
	c := templateContext()
	f.Fuzz(func(t *testing.T, text string) {
		tmpl, err := NewTemplate(text)
		if err != nil {
			return
		}
		got, complete := tmpl.Expand(c)
		if tmpl.Static() && (got != text || !complete) {
			t.Fatalf("%q became %q", text, got)
		}
		around, err := NewTemplate("<" + text + ">")
		if err != nil {
			t.Fatalf("%q is refused with brackets: %v", text, err)
		}
		if g, _ := around.Expand(c); g != "<"+got+">" {
			t.Fatalf("%q with brackets gives %q, without %q", text, g, got)
		}
	})
}
