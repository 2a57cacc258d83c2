package usage

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/filter/filtertest"
	"fairlead.dev/fairlead/message"
	"fairlead.dev/fairlead/option"
)

// record is a filter.Metrics that keeps numbers by their keys.
type record struct {
	mu  sync.Mutex
	all map[string]float64
}

func newRecord() *record { return &record{all: map[string]float64{}} }

type number struct {
	in  *record
	key string
}

func (n number) add(v float64) {
	n.in.mu.Lock()
	defer n.in.mu.Unlock()
	n.in.all[strings.TrimPrefix(n.key, prefix)] += v
}

type counter struct{ number }

func (c counter) Add(n uint64) { c.add(float64(n)) }

type gauge struct{ number }

func (g gauge) Add(v float64) { g.add(v) }
func (g gauge) Set(float64)   {}

type timer struct{ number }

func (t timer) Observe(d time.Duration) { t.add(d.Seconds()) }

func (r *record) Counter(key string) filter.Counter { return counter{number{r, key}} }
func (r *record) Gauge(key string) filter.Gauge     { return gauge{number{r, key}} }
func (r *record) Timer(key string) filter.Timer     { return timer{number{r, key}} }

// env returns an environment with the filter enabled.
func env(t testing.TB, m filter.Metrics, flags ...string) *filter.Env {
	t.Helper()
	set := option.NewSet()
	if _, _, err := set.ApplyFlags(append([]string{"-enable-api-usage-monitoring"}, flags...)); err != nil {
		t.Fatal(err)
	}
	e := filter.NewEnv(set, nil)
	if m != nil {
		e.Metrics = m
	}
	return e
}

const (
	orders    = `{"application_id": "my-app", "tag": "staging", "api_id": "orders-api", "path_templates": ["foo/orders", "foo/orders/:order-id", "foo/orders/:order-id/order_item/{order-item-id}"], "client_tracking_pattern": "(shipping|payment)-service"}`
	customers = `{"application_id": "my-app", "api_id": "customers-api", "path_templates": ["/foo/customers/", "/foo/customers/{customer-id}/"], "client_tracking_pattern": ""}`
	other     = `{"application_id": "other-app", "api_id": "other-api", "path_templates": ["/other"]}`
)

func TestEndpoints(t *testing.T) {
	for _, tt := range []struct {
		apis                 []string
		method, path, common string
		status               int
		class                string
	}{
		{[]string{orders, customers}, "GET", "/foo/orders", "my-app.staging.orders-api.GET.foo/orders", 200, "http2xx_count"},
		{[]string{orders, customers}, "POST", "/foo/orders/", "my-app.staging.orders-api.POST.foo/orders", 301, "http3xx_count"},
		{[]string{orders, customers}, "PUT", "/foo/orders/17", "my-app.staging.orders-api.PUT.foo/orders/{order-id}", 404, "http4xx_count"},
		{[]string{orders, customers}, "GET", "/foo/orders/17/order_item/3", "my-app.staging.orders-api.GET.foo/orders/{order-id}/order_item/{order-item-id}", 503, "http5xx_count"},
		{[]string{orders, customers}, "GET", "/foo/customers", "my-app.{no-tag}.customers-api.GET.foo/customers", 101, "http1xx_count"},
		{[]string{orders, customers}, "BREW", "/foo/customers/a", "my-app.{no-tag}.customers-api.{unknown}.foo/customers/{customer-id}", 700, "httpxxx_count"},
		{[]string{orders, customers}, "GET", "/bar", "my-app.{no-tag}.{unknown}.GET.{no-match}", 200, "http2xx_count"},
		{[]string{orders, other}, "GET", "/bar", "{unknown}.{no-tag}.{unknown}.GET.{no-match}", 200, "http2xx_count"},
	} {
		synctest.Test(t, func(t *testing.T) {
			m := newRecord()
			var args []any
			for _, a := range tt.apis {
				args = append(args, a)
			}
			f := filtertest.BuildEnv(t, env(t, m), "apiUsageMonitoring", args...)
			for range 2 {
				x := filtertest.Get(t, tt.path)
				x.Request.Method = tt.method
				x.Backend = func(*message.Request) *message.Response {
					time.Sleep(250 * time.Millisecond)
					return &message.Response{Status: tt.status}
				}
				x.Run(f)
			}
			want := map[string]float64{
				tt.common + ".*.*.http_count": 2, tt.common + ".*.*." + tt.class: 2, tt.common + ".*.*.latency": 0.5,
			}
			if fmt.Sprint(m.all) != fmt.Sprint(want) {
				t.Errorf("%s %s: %v\nwant %v", tt.method, tt.path, m.all, want)
			}
		})
	}
}

// token makes an unsigned token with a payload.
func token(payload string) string {
	return "Bearer e30." + base64.RawURLEncoding.EncodeToString([]byte(payload)) + ".c2ln"
}

func TestClients(t *testing.T) {
	for _, tt := range []struct{ path, auth, want string }{
		{"/foo/orders", "", "my-app.staging.orders-api.*.*.{unknown}.{unknown}"},
		{"/foo/orders", "Basic abc", "my-app.staging.orders-api.*.*.{unknown}.{unknown}"},
		{"/foo/orders", "Bearer a.b.c", "my-app.staging.orders-api.*.*.{unknown}.{unknown}"},
		{"/foo/orders", token(`{"sub": "shipping-service"}`), "my-app.staging.orders-api.*.*.{unknown}.{unknown}"},
		{"/foo/orders", token(`{"realm": "users", "sub": "shipping-service"}`), "my-app.staging.orders-api.*.*.users.{all}"},
		{"/foo/orders", token(`{"realm": "services"}`), "my-app.staging.orders-api.*.*.services.{unknown}"},
		{"/foo/orders", token(`{"realm": "services", "sub": "somebody"}`), "my-app.staging.orders-api.*.*.services.{no-match}"},
		{"/foo/orders", token(`{"realm": "services", "sub": "shipping-service"}`), "my-app.staging.orders-api.*.*.services.shipping-service"},
		{"/foo/orders", token(`{"tenant": "services", "azp": "payment-service"}`), "my-app.staging.orders-api.*.*.services.payment-service"},
		{"/foo/orders", token(`{"realm": "services", "sub": "` + strings.Repeat("x", 200) + `"}`), "my-app.staging.orders-api.*.*.services.{unknown}"},
		{"/bar", token(`{"realm": "services", "sub": "shipping-service"}`), "my-app.{no-tag}.{unknown}.*.*.services.{no-match}"},
		{"/foo/customers", token(`{"realm": "services", "sub": "shipping-service"}`), ""},
	} {
		synctest.Test(t, func(t *testing.T) {
			m := newRecord()
			f := filtertest.BuildEnv(t, env(t, m, "-api-usage-monitoring-realm-keys=realm,tenant", "-api-usage-monitoring-client-keys=sub,azp"), "apiUsageMonitoring", orders, customers)
			x := filtertest.Get(t, tt.path)
			x.Request.Header.Add("Authorization", tt.auth)
			x.Backend = func(*message.Request) *message.Response {
				time.Sleep(250 * time.Millisecond)
				return &message.Response{Status: 200}
			}
			x.Run(f)
			got := map[string]float64{}
			for key, v := range m.all {
				if strings.Contains(key, ".*.*.") && !strings.Contains(key, ".GET.") {
					got[key] = v
				}
			}
			want := map[string]float64{}
			if tt.want != "" {
				want = map[string]float64{tt.want + ".http_count": 1, tt.want + ".http2xx_count": 1, tt.want + ".latency_sum": 0.25}
			}
			if fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("%s: %v\nwant %v", tt.auth, got, want)
			}
		})
	}
}

// TestManyClients checks that clients do not decide how many keys there are.
func TestManyClients(t *testing.T) {
	m := newRecord()
	f := filtertest.BuildEnv(t, env(t, m, "-api-usage-monitoring-realm-keys=realm"), "apiUsageMonitoring", strings.Replace(orders, "(shipping|payment)-service", ".*", 1))
	ask := func(payload string) {
		x := filtertest.Get(t, "/foo/orders")
		x.Request.Header.Add("Authorization", token(payload))
		x.Run(f)
	}
	for i := range 1000 {
		ask(fmt.Sprintf(`{"realm": "services", "sub": "client-%d"}`, i))
		ask(fmt.Sprintf(`{"realm": "realm-%d", "sub": "client"}`, i))
	}
	if n := len(m.all); n > 3*(mostClients+1)+3 {
		t.Errorf("%d keys", n)
	}
	if n := m.all["my-app.staging.orders-api.*.*.{unknown}.{unknown}.http_count"]; n != 2000-mostClients {
		t.Errorf("%v requests of unknown clients", n)
	}
}

func TestDisabled(t *testing.T) {
	m := newRecord()
	e := filter.NewEnv(nil, nil)
	e.Metrics = m
	x := filtertest.Get(t, "/foo/orders")
	x.Run(filtertest.BuildEnv(t, e, "apiUsageMonitoring", orders))
	if len(m.all) > 0 {
		t.Errorf("counted %v", m.all)
	}
}

func TestTemplates(t *testing.T) {
	for _, tt := range []struct {
		text, name string
		yes, no    []string
	}{
		{"/", "", []string{"/", "", "//"}, []string{"/a"}},
		{"a.b/c+d", "a.b/c+d", []string{"/a.b/c+d", "//a.b//c+d/"}, []string{"/axb/ccd", "/a.b"}},
		{"/a/:id", "a/{id}", []string{"/a/1", "/a/1/2"}, []string{"/a", "/a/"}},
		{"/a/{id}/b", "a/{id}/b", []string{"/a/1/b"}, []string{"/a/1/c"}},
		{"/a/{id?}", "a/{id}", []string{"/a/", "/a/1"}, []string{"/a"}},
		{"/a/x-{id}.{ext}", "a/x-{id}.{ext}", []string{"/a/x-1.png"}, []string{"/a/x-1", "/a/1.png"}},
		{"/a/{open", "a/{open", []string{"/a/{open"}, []string{"/a/1"}},
		{"/a/b:c", "a/b:c", []string{"/a/b:c"}, []string{"/a/b1"}},
	} {
		got, err := readTemplate(tt.text)
		if err != nil {
			t.Errorf("%s: %v", tt.text, err)
			continue
		}
		if got.name != tt.name {
			t.Errorf("%s: called %q, want %q", tt.text, got.name, tt.name)
		}
		for _, p := range tt.yes {
			if !got.matcher.MatchString(p) {
				t.Errorf("%s does not match %q", tt.text, p)
			}
		}
		for _, p := range tt.no {
			if got.matcher.MatchString(p) {
				t.Errorf("%s matches %q", tt.text, p)
			}
		}
	}
}

func FuzzTemplate(f *testing.F) {
	for _, s := range []string{"/a/:id", "a/{b}/c", "{", "}{", "/:/{}/"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		tmpl, err := readTemplate(text)
		if err != nil {
			return
		}
		if strings.HasPrefix(tmpl.name, "/") || strings.HasSuffix(tmpl.name, "/") {
			t.Errorf("%q is called %q", text, tmpl.name)
		}
		if again, err := readTemplate(tmpl.name); tmpl.name != "" && (err != nil || again.name != tmpl.name) {
			t.Errorf("%q is called %q, and that %v, %v", text, tmpl.name, again, err)
		}
	})
}

func TestWrong(t *testing.T) {
	for _, tt := range []struct {
		args []any
		want string
	}{
		{nil, "found 0 arguments"},
		{[]any{1}, "argument 1 (api)"},
		{[]any{""}, "argument 1 (api): not a JSON object"},
		{[]any{orders, "{}"}, "argument 2 (api): application_id is missing"},
		{[]any{`{"application_id": "a"}`}, "api_id is missing"},
		{[]any{`{"application_id": "a", "api_id": "b"}`}, "path_templates is missing"},
		{[]any{`{"application_id": "a", "api_id": "b", "path_templates": [""]}`}, "path template of 0 bytes"},
		{[]any{`{"application_id": "a", "api_id": "b", "path_templates": ["/"], "client_tracking_pattern": "("}`}, "client_tracking_pattern: "},
		{[]any{`{"application_id": "a", "api_id": "b", "path_templates": ["/"], "client": ""}`}, "unknown field"},
		{[]any{other + other}, "behind the JSON object"},
		{[]any{`{"application_id": "a", "api_id": "b", "path_templates": [` + strings.Join(slices.Repeat([]string{`"/"`}, 1001), ",") + `]}`}, "found 1001 path_templates"},
	} {
		if err := filtertest.BuildError(t, "apiUsageMonitoring", tt.args...); !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%v: %v, want %q in it", tt.args, err, tt.want)
		}
	}
}

func TestAllocations(t *testing.T) {
	f := filtertest.BuildEnv(t, env(t, nil), "apiUsageMonitoring", orders)
	x := filtertest.Get(t, "/foo/orders/17")
	if n := x.Allocs(f); n > 0.1 && !raceEnabled { // then pools forget
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkUsage(b *testing.B) {
	for name, flags := range map[string][]string{"endpoints": nil, "clients": {"-api-usage-monitoring-realm-keys=realm"}} {
		b.Run(name, func(b *testing.B) {
			f := filtertest.BuildEnv(b, env(b, nil, flags...), "apiUsageMonitoring", orders)
			x := filtertest.Get(b, "/foo/orders/17")
			x.Request.Header.Add("Authorization", token(`{"realm": "services", "sub": "shipping-service"}`))
			x.Response = &message.Response{Status: 200}
			b.ReportAllocs()
			for b.Loop() {
				f.Request(x.Context)
				f.Response(x.Context)
			}
		})
	}
}
