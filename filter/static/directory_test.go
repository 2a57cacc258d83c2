package static

import (
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestListingIsBounded(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for listed, want := range map[int]int{3: 3, 5: 5, 10: 5} {
		f, err := directory{dir, listed}.Open("/")
		if err != nil {
			t.Fatal(err)
		}
		list, err := f.(*file).ReadDir(-1)
		if len(list) != want || err != nil {
			t.Errorf("%d entries, %v; want %d", len(list), err, want)
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
	var rec recorder
	http.FileServer(directory{dir, 2}).ServeHTTP(&rec, &http.Request{Method: "GET", URL: &url.URL{Path: "/"}})
	if n := strings.Count(rec.text.String(), "<a "); n != 2 {
		t.Errorf("the page has %d entries, want 2", n)
	}
}

func TestEmptyListing(t *testing.T) {
	f, err := directory{t.TempDir(), 10}.Open("/")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if list, err := f.(*file).ReadDir(-1); len(list) != 0 || err != nil {
		t.Errorf("%v, %v", list, err)
	}
}
