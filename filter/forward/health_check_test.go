package forward_test

import (
	"strings"
	"testing"
	"time"

	"fairlead.dev/fairlead/backend"
	"fairlead.dev/fairlead/filter/filtertest"
)

func TestHealthCheck(t *testing.T) {
	e := new(backend.Endpoint)
	usual := filtertest.Build(t, "healthCheck").(backend.Adviser)
	all := filtertest.Build(t, "healthCheck", "path=/healthz?a=b,interval=5s,timeout=500ms", "statuses=200,204,failures=3,successes=2,host=my.example:80").(backend.Adviser)
	usual.Advise(e)
	c := e.Check()
	if c == nil || c.Path != "" || c.Interval != 3*time.Second || c.Timeout != time.Second || !c.Statuses.Has(200) || !c.Statuses.Has(399) ||
		c.Statuses.Has(400) || c.Failures != 2 || c.Successes != 1 {
		t.Errorf("usual: %+v", c)
	}
	all.Advise(e)
	c = e.Check()
	if c.Path != "/healthz?a=b" || c.Interval != 5*time.Second || c.Timeout != 500*time.Millisecond || !c.Statuses.Has(204) || c.Statuses.Has(201) ||
		c.Failures != 3 || c.Successes != 2 || c.Host != "my.example:80" {
		t.Errorf("all: %+v", c)
	}
	usual.Withdraw(e)
	if e.Check() != c {
		t.Error("the check of the other route is gone")
	}
	all.Withdraw(e)
	if e.Check() != nil {
		t.Error("a check that no route wants")
	}
	for text, want := range map[string]string{
		"path=healthz":    "expected a path",
		"path=/a b":       "expected a path",
		"host=a b":        "expected a host",
		"interval=10ms":   "interval: found",
		"timeout=2m":      "timeout: found",
		"statuses=99":     "statuses: found",
		"failures=0":      "failures: found",
		"successes=x":     "successes: found",
		"path=/,path=/":   "path stands twice",
		"intervall=1s":    `did you mean "interval"?`,
		"path=/\r\nX: yz": "expected a path",
	} {
		if err := filtertest.BuildError(t, "healthCheck", text); !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: got %v, want %q in it", text, err, want)
		}
	}
}
