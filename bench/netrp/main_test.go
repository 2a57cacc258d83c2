package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
)

func TestHandler(t *testing.T) {
	var origins []string
	for i := range 2 {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprintf(w, "%d %s", i, r.Header.Get("X-Bench"))
		}))
		t.Cleanup(s.Close)
		origins = append(origins, s.Listener.Addr().String())
	}
	file := filepath.Join(t.TempDir(), "routes")
	if err := os.WriteFile(file, []byte("a.test/p1 1\na.test/p0 0\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	table, err := readRoutes(file)
	if err != nil {
		t.Fatal(err)
	}
	h := handler(origins, table, false)
	for _, c := range []struct{ url, want string }{
		{"http://a.test/p1", "1 1"},
		{"http://a.test/p1/deeper", "1 1"},
		{"http://a.test/p0", "0 1"},
		{"http://b.test/p1", "0 1"},
		{"http://b.test/", "0 1"},
	} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", c.url, nil))
		body, err := io.ReadAll(w.Result().Body)
		if err != nil || string(body) != c.want || w.Header().Get("X-Served") != "netrp" {
			t.Errorf("%s: %q, %v, %v; want %q", c.url, body, w.Header(), err, c.want)
		}
	}
}

func TestReadRoutesSaysWhatIsWrong(t *testing.T) {
	file := filepath.Join(t.TempDir(), "routes")
	if err := os.WriteFile(file, []byte("a.test/p1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{file, file + "-none"} {
		if _, err := readRoutes(path); err == nil {
			t.Errorf("%s: no error", path)
		}
	}
}
