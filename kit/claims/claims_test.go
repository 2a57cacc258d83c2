package claims

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"
)

func token(payload string) string {
	return "e30." + base64.RawURLEncoding.EncodeToString([]byte(payload)) + ".c2ln"
}

func TestBearer(t *testing.T) {
	for field, want := range map[string]string{
		"Bearer abc": "abc", "bearer abc": "abc", "BEARER  abc ": "abc", "Bearer": "", "Bearer ": "", "Basic abc": "", "Bearerabc": "", "": "",
	} {
		if got, ok := Bearer(field); got != want || ok != (want != "") {
			t.Errorf("%q: got %q, %v", field, got, ok)
		}
	}
}

func TestDecode(t *testing.T) {
	good := base64.RawURLEncoding.EncodeToString([]byte(`{"a":"b"}`))
	for text, want := range map[string]bool{
		"e30." + good + ".x": true, "." + good + ".": true, good: false, "e30." + good: false, "e30." + good + ".x.y": false,
		"e30.." + good: false, "e30." + good + "=.x": false, "e30.%%%.x": false, "": false,
		token(`[]`): false, token(`"a"`): false, token(`{"a":}`): false, token(`{"a":"b"} `): true, token(`{"a":"b"}{}`): false, token(` {}`): true,
		token(`{"a":"` + strings.Repeat("x", Longest) + `"}`): false,
	} {
		if _, ok := Decode(text, nil); ok != want {
			t.Errorf("%.60q: %v, want %v", text, ok, want)
		}
	}
}

func TestText(t *testing.T) {
	for _, tt := range []struct{ payload, name, want string }{
		{`{"iss":"https://a","sub":"b"}`, "sub", "b"},
		{` { "iss" : "https://a" , "sub" : "b" } `, "iss", "https://a"},
		{`{"a":{"sub":"x"},"b":["sub","y"],"n":-1.5e3,"t":true,"u":null,"sub":"z"}`, "sub", "z"},
		{`{"a":"1","a":"2"}`, "a", "2"},
		{`{"a":"1","a":2}`, "a", ""},
		{`{"a":1,"a":"2"}`, "a", "2"},
		{`{"a\u0062":"c\n\"}"}`, "ab", "c\n\"}"},
		{`{"a":"}\\","b":"x"}`, "b", "x"},
		{`{"a":{"b":"c"}}`, "b", ""},
		{`{"A":"x"}`, "a", ""},
		{`{"a":12}`, "a", ""},
		{`{"":"x"}`, "", "x"},
		{`{}`, "a", ""},
	} {
		p, ok := Decode(token(tt.payload), nil)
		if !ok {
			t.Fatalf("%s: no payload", tt.payload)
		}
		if got, ok := p.Text(tt.name); got != tt.want || ok != (tt.want != "") {
			t.Errorf("%s: %q is %q, %v, want %q", tt.payload, tt.name, got, ok, tt.want)
		}
	}
}

func TestAllocatesNothing(t *testing.T) {
	tok := token(`{"iss":"https://accounts.example.org","n":[1,2,{"x":"y"}],"email":"a@example.org"}`)
	if n := testing.AllocsPerRun(100, func() {
		var buf [1 << 10]byte
		if p, _ := Decode(tok, buf[:]); len(p) == 0 {
			t.Fatal("no payload")
		} else if s, _ := p.Text("email"); s != "a@example.org" {
			t.Fatal("another claim")
		}
	}); n != 0 && !poolsForget {
		t.Errorf("%v allocations", n)
	}
}

// FuzzText has the standard library as second opinion.
func FuzzText(f *testing.F) {
	for _, p := range []string{`{"a":"b"}`, `{"a":{"a":"x"},"b":[[],{}],"a":"\u0041"}`, `{"a":1e5 ,"b" : true}`, `{"\"":"\\"}`, `[]`, `{`, ``} {
		f.Add(p, "a")
	}
	f.Fuzz(func(t *testing.T, payload, name string) {
		var want map[string]any
		err := json.Unmarshal([]byte(payload), &want)
		p, ok := Decode(token(payload), nil)
		if ok != (err == nil && want != nil) && len(payload) < Longest/2 {
			t.Fatalf("decoded: %v, the library says %v", ok, err)
		}
		if !ok || !utf8.ValidString(payload) {
			return
		}
		got, has := p.Text(name)
		if s, is := want[name].(string); is != has || s != got {
			t.Errorf("%q: got %q, %v, want %q, %v", name, got, has, s, is)
		}
	})
}
