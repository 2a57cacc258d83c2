package message

import "testing"

func TestBaggage(t *testing.T) {
	for _, tt := range []struct {
		fields []string
		key    string
		want   string
		ok     bool
	}{
		{[]string{"a=1,b=2"}, "b", "2", true},
		{[]string{"a = 1 , b\t=\t2 "}, "b", "2", true},
		{[]string{"a=1;p=q;r,b=2"}, "a", "1", true},
		{[]string{"a=1", "b=2"}, "b", "2", true},
		{[]string{"a=1,a=2"}, "a", "2", true},
		{[]string{"a=1%202+3%2C"}, "a", "1 2+3,", true},
		{[]string{"a=b=c"}, "a", "b=c", true},
		{[]string{"a="}, "a", "", true},
		{[]string{"a"}, "a", "", false},
		{[]string{"a=%zz,b=2"}, "a", "", false},
		{[]string{"a=%zz,b=2"}, "b", "2", true},
		{[]string{"x=1;a=2"}, "a", "", false},
		{[]string{"A=1"}, "a", "", false},
		{[]string{",,=,;=;"}, "a", "", false},
		{nil, "a", "", false},
	} {
		var h Header
		for _, f := range tt.fields {
			h.Add("baggage", f)
		}
		if got, ok := Baggage(&h, tt.key); got != tt.want || ok != tt.ok {
			t.Errorf("%q of %q: got %q, %v", tt.key, tt.fields, got, ok)
		}
	}
}

func FuzzBaggage(f *testing.F) {
	f.Add("a=1;p, b = %20,=,;", "b")
	f.Fuzz(func(t *testing.T, field, key string) {
		var h Header
		h.Add("Baggage", field)
		if v, ok := Baggage(&h, key); !ok && v != "" {
			t.Errorf("no member, but the value %q", v)
		}
		h.Add("Baggage", key+"=x")
		if v, ok := Baggage(&h, key); IsToken(key) && (!ok || v != "x") {
			t.Errorf("%q: got %q, %v", key, v, ok)
		}
	})
}
