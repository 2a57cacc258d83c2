package fairlead_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestREADME does what the README says, heading by heading, each in a folder of
// its own and with the real binary. What is done with the text:
//
//   - A block of eskip or YAML is written into the file that the paragraph above
//     it names.
//   - In a console block a line that begins with "$ " is a command for sh, and
//     what follows it is what it prints. "..." stands for any text in a line, and
//     alone in a line for any lines.
//   - Ports are replaced by free ones, and back again in what is printed; the
//     proxy learns the two that it takes by itself from the environment.
//   - curl is this test binary (curl_test.go).
//   - What looks at a running process (curl, grep) is repeated until it prints
//     what it should, for a few seconds.
//   - A process in the background is interrupted at the end and must end well.
//   - Of make, the targets must be there; `make run` runs what its recipe says.
func TestREADME(t *testing.T) {
	if testing.Short() {
		t.Skip("builds and runs the binary")
	}
	all := blocks(t, "README.md")
	var headings []string
	byHeading := map[string][]block{}
	for _, b := range all {
		if byHeading[b.heading] == nil {
			headings = append(headings, b.heading)
		}
		byHeading[b.heading] = append(byHeading[b.heading], b)
	}
	things := 0
	bin := buildBinary(t)
	for _, h := range headings {
		if h[0] >= '0' && h[0] <= '9' {
			things++
		}
		t.Run(h, func(t *testing.T) {
			t.Parallel()
			s := startSession(t, bin)
			for _, b := range byHeading[h] {
				s.play(b)
			}
			s.end()
		})
	}
	if things != 10 {
		t.Errorf("the README has %d numbered things to try, it promises ten", things)
	}
}

// play does what one block says.
func (s *session) play(b block) {
	s.t.Helper()
	if b.lang == "console" {
		for _, c := range commands(b.text) {
			s.command(b.line+c.line, c.text, c.prints)
		}
		return
	}
	if b.file == "" {
		s.t.Fatalf("README.md:%d: the paragraph above names no file", b.line)
	}
	if err := os.WriteFile(filepath.Join(s.dir, b.file), []byte(s.toReal(b.text)), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// command is a line of a console block and what it prints.
type command struct {
	text, prints string
	line         int // within the block, from 1
}

func commands(text string) (all []command) {
	for i, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		if c, ok := strings.CutPrefix(line, "$ "); ok {
			all = append(all, command{text: c, line: i + 1})
		} else if len(all) > 0 {
			all[len(all)-1].prints += line + "\n"
		}
	}
	return all
}

// patience is how long a command that looks at a running process is repeated.
const patience = 10 * time.Second

// looks finds the commands that look at a running process.
var looks = regexp.MustCompile(`\b(curl|grep)\b`)

func (s *session) command(line int, text, prints string) {
	s.t.Helper()
	if target, ok := strings.CutPrefix(text, "make "); ok {
		s.make(target, prints)
		return
	}
	if bg, ok := strings.CutSuffix(text, " &"); ok {
		s.background(bg)
		return
	}
	want := pattern(prints)
	got := s.run(text)
	for end := time.Now().Add(patience); looks.MatchString(text) && !want.MatchString(got) && time.Now().Before(end); {
		s.pause()
		got = s.run(text)
	}
	if !want.MatchString(got) {
		s.t.Fatalf("README.md:%d: $ %s\nprints:\n%s\nthe README says:\n%s\n%s", line, text, got, prints, s.logs())
	}
}

// pattern makes an expression of what a command should print.
func pattern(prints string) *regexp.Regexp {
	var b strings.Builder
	b.WriteString(`\A`)
	for _, line := range strings.Split(strings.TrimRight(prints, "\n"), "\n") {
		if line == "..." {
			b.WriteString(`(?:.*\n)*?`)
			continue
		}
		for i, part := range strings.Split(line, "...") {
			if i > 0 {
				b.WriteString(`.*`)
			}
			b.WriteString(regexp.QuoteMeta(part))
		}
		b.WriteString(`\n`)
	}
	b.WriteString(`\z`)
	return regexp.MustCompile(b.String())
}

func TestPattern(t *testing.T) {
	for _, c := range []struct {
		prints, output string
		matches        bool
	}{
		{"a\n", "a\n", true},
		{"a\n", "a\nb\n", false},
		{"a\n", "b\n", false},
		{"", "\n", true},
		{"", "a\n", false},
		{"a ... c\n", "a b c\n", true},
		{"a ... c\n", "a b\nc\n", false},
		{"...\nb\n", "b\n", true},
		{"...\nb\n", "a\na\nb\n", true},
		{"a\n...\n", "a\n", true},
		{"a\n...\n", "b\n", false},
		{"a.c\n", "abc\n", false},
	} {
		if got := pattern(c.prints).MatchString(c.output); got != c.matches {
			t.Errorf("%q for %q: %v", c.prints, c.output, got)
		}
	}
}

// TestSkipperDemo runs the container of Skipper's own demo as its manifest has
// it: its arguments begin with the name of the program, which is on the PATH.
func TestSkipperDemo(t *testing.T) {
	if testing.Short() {
		t.Skip("builds and runs the binary")
	}
	t.Parallel()
	s := startSession(t, buildBinary(t))
	page := `<body style='color: white; background-color: green;'><h1>Hello!</h1>`
	s.background(`skipper -inline-routes "* -> inlineContent(\"` + page + `\") -> <shunt>" 2>proxy.log`)
	s.command(0, "curl -i http://localhost:9090/any/path", "HTTP/1.1 200 OK\nContent-Type: text/html; charset=utf-8\n...\n\n"+page+"\n")
	s.end()
}
