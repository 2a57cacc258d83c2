package apptest_test

import (
	"io"
	"net/http"
	"testing"

	"go.uber.org/goleak"

	"fairlead.dev/fairlead/apptest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestStart(t *testing.T) {
	backend := apptest.Backend(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "behind") })
	p := apptest.Start(t, `* -> "http://`+backend+`"`)
	c := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := c.Get("http://" + p.Addr)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if b, err := io.ReadAll(resp.Body); string(b) != "behind" || err != nil {
		t.Errorf("got %q, %v", b, err)
	}
}
