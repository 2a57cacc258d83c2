package pairs

import (
	"strings"
	"testing"
	"time"
)

// settings has one of each kind.
type settings struct {
	d     time.Duration
	n     int
	share float64
	b     bool
	size  int
	codes Statuses
	words []string
}

func (s *settings) read(text string) error {
	return Read(text,
		Duration("wait", &s.d, 0, time.Hour), Int("count", &s.n, 1, 10), Share("share", &s.share), Bool("any", &s.b),
		Size("size", &s.size, 1<<20), Codes("codes", &s.codes, 400, 599),
		Words("words", &s.words, func(w string) bool { return w == "a" || w == "b" }, "a or b"))
}

func TestRead(t *testing.T) {
	var s settings
	if err := s.read("wait=1.5s, count=3,share=20%,any=true,size=64KiB,codes=429,502-504,words=a,b,a"); err != nil {
		t.Fatal(err)
	}
	if s.d != 1500*time.Millisecond || s.n != 3 || s.share != 0.2 || !s.b || s.size != 64<<10 || strings.Join(s.words, "") != "ab" {
		t.Errorf("got %+v", s)
	}
	for code, want := range map[int]bool{428: false, 429: true, 430: false, 501: false, 502: true, 503: true, 504: true, 505: false, 0: false, -1: false, 1 << 40: false, 599: false} {
		if s.codes.Has(code) != want {
			t.Errorf("%d: %v", code, !want)
		}
	}
	for text, want := range map[string]func() bool{
		"share=0.25": func() bool { return s.share == 0.25 },
		"size=12":    func() bool { return s.size == 12 },
		"size=12B":   func() bool { return s.size == 12 },
		"size=1 MiB": func() bool { return s.size == 1<<20 },
		"codes=none": func() bool { return !s.codes.Has(502) },
		"codes=599":  func() bool { return s.codes.Has(599) },
	} {
		if err := s.read(text); err != nil || !want() {
			t.Errorf("%s: %v, %+v", text, err, s)
		}
	}
}

func TestReadErrors(t *testing.T) {
	for text, want := range map[string]string{
		"":                                   "expected name=value",
		"x":                                  `found "x", expected name=value`,
		",count=1":                           "expected name=value",
		"cuont=1":                            `did you mean "count"?`,
		"zzzzz=1":                            "expected one of wait, count",
		"count=1,count=2":                    "count stands twice",
		"count=0":                            `count: found "0", expected a whole number from 1 to 10`,
		"count=x":                            "count: found",
		"count=":                             "count: found",
		"wait=1":                             "wait: found",
		"wait=-1s":                           "wait: found",
		"wait=2h":                            "from 0s to 1h0m0s",
		"share=101%":                         "share: found",
		"share=NaN":                          "share: found",
		"share=-1":                           "share: found",
		"any=yes":                            `"true" or "false"`,
		"size=2MiB":                          "up to 1048576 bytes",
		"size=-1":                            "size: found",
		"size=999999999999MiB":               "size: found",
		"codes=200":                          "from 400 to 599",
		"codes=504-502":                      "codes: found",
		"codes=502-":                         "codes: found",
		"codes=":                             "codes: found",
		"words=c":                            "expected a or b",
		"words=" + strings.Repeat("c", 1000): "...",
	} {
		var s settings
		err := s.read(text)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") || len(err.Error()) > 250 {
			t.Errorf("%.40q: got %v, want %q in it", text, err, want)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add("wait=1.5s,count=3,share=20%,any=true,size=64KiB,codes=429,502-504,words=a,b,a")
	f.Add(",=,,codes=,-")
	f.Fuzz(func(t *testing.T, text string) {
		s := settings{n: 1}
		if err := s.read(text); err != nil {
			return
		}
		if s.n < 1 || s.n > 10 || s.d < 0 || s.d > time.Hour || s.share < 0 || s.share > 1 || s.size < 0 || s.size > 1<<20 || s.codes.Has(399) {
			t.Errorf("%q gave %+v", text, s)
		}
	})
}
