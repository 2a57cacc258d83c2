package respond_test

import (
	"testing"

	"fairlead.dev/fairlead/filter/filtertest"
)

func TestHealthcheck(t *testing.T) {
	x := filtertest.New(t)
	x.Answer(404, "no route")
	x.Run(filtertest.Build(t, "healthcheck"))
	if x.Response.Status != 200 {
		t.Errorf("status %d", x.Response.Status)
	}
}
