package auth

import (
	"fmt"
	"testing"
	"unsafe"

	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/filter/filtertest"
	"fairlead.dev/fairlead/issuer"
	"fairlead.dev/fairlead/issuer/issuertest"
)

// counting is metrics for tests.
type counting struct {
	filter.Metrics
	counted map[string]int
}

type counter struct {
	to  *counting
	key string
}

func (c *counting) Counter(key string) filter.Counter { return counter{c, key} }
func (c counter) Add(n uint64)                        { c.to.counted[c.key] += int(n) }

func TestJWTMetrics(t *testing.T) {
	idp := issuertest.New(t)
	mine := idp.Token(map[string]any{"realm": "emp"})
	const yaml = "{issuers: ['%s', 'https://b'], optOutAnnotations: [free], optOutStateBag: [tokeninfo, auth-user], optOutHosts: ['^public[.]']}"
	issuers := fmt.Sprintf(yaml, idp.URL)
	claims := fmt.Sprintf("{claims: [{iss: '%s', realm: emp}, {iss: 'https://b'}]}", idp.URL)
	for name, tt := range map[string]struct {
		config, field string
		status        int
		want          string
	}{
		"good":            {issuers, "Bearer " + mine, 200, ""},
		"none":            {issuers, "", 200, "GET.www_example_org.200.missing-token"},
		"another type":    {issuers, "Basic x", 500, "GET.www_example_org.500.invalid-token-type"},
		"no JWT":          {issuers, "Bearer x", 200, "GET.www_example_org.200.invalid-token"},
		"nobody's":        {issuers, "Bearer " + idp.Token(map[string]any{"iss": nil}), 200, "GET.www_example_org.200.missing-issuer"},
		"of others":       {issuers, "Bearer " + idp.Token(map[string]any{"iss": "x"}), 200, "GET.www_example_org.200.invalid-issuer"},
		"refused":         {issuers, "", 401, ""},
		"no config":       {"{}", "Bearer x", 200, ""},
		"claims":          {claims, "Bearer " + mine, 200, ""},
		"other set":       {claims, "Bearer " + idp.Token(map[string]any{"iss": "https://b"}), 200, ""},
		"claims are half": {claims, "Bearer " + idp.Token(nil), 200, "GET.www_example_org.200.invalid-claims"},
	} {
		env, m := newEnv(t), &counting{counted: map[string]int{}}
		env.Metrics = m
		f := filtertest.BuildEnv(t, env, "jwtMetrics", tt.config)
		x := filtertest.New(t)
		if tt.field != "" {
			x.Request.Header.Add("Authorization", tt.field)
		}
		x.Answer(tt.status, "")
		x.Run(f)
		want := map[string]int{}
		if tt.want != "" {
			want["jwtMetrics.custom."+tt.want] = 1
		}
		if fmt.Sprint(m.counted) != fmt.Sprint(want) {
			t.Errorf("%s: counted %v, want %v", name, m.counted, want)
		}
	}
	env, m := newEnv(t), &counting{counted: map[string]int{}}
	env.Metrics = m
	f := filtertest.BuildEnv(t, env, "jwtMetrics", issuers)
	try(t, []filter.Filter{annotating{"free"}, f})
	x := filtertest.New(t)
	issuer.Tokeninfo.Set(x.Context, issuer.Claims{})
	x.Run(f)
	x = filtertest.New(t)
	x.Request.Host = "public.example.org"
	x.Run(f)
	if len(m.counted) != 0 {
		t.Errorf("counted %v", m.counted)
	}
	for i := range 3 * mostHosts { // hosts that clients make up
		x.Request.Host, x.Request.Method = fmt.Sprintf("h%d", i), fmt.Sprintf("M%d", i)
		x.Restart()
		x.Run(f)
	}
	if n := m.counted["jwtMetrics.custom._other_._other_.200.missing-token"]; n != 2*mostHosts || len(m.counted) != mostHosts+1 {
		t.Errorf("%d counters, %d of others", len(m.counted), n)
	}
}

// What is remembered of a host must not change when the memory of its request does.
func TestJWTMetricsKeepHosts(t *testing.T) {
	c, m := &counters{known: map[countKey]filter.Counter{}, hosts: map[string]bool{}}, &counting{counted: map[string]int{}}
	for status := 200; status < 203; status++ {
		memory := []byte("shop")
		c.of(m, countKey{"GET", unsafe.String(&memory[0], len(memory)), status, "missing-token"}).Add(1)
		copy(memory, "xxxx")
	}
	for k := range c.known {
		if k.host != "shop" {
			t.Errorf("remembered %+v", k)
		}
	}
}
