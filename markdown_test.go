package fairlead_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// block is a fenced block of a Markdown document.
type block struct {
	lang string
	// broken says that the text has mistakes on purpose.
	broken bool
	// file is what the paragraph above says the text is to be written into; ""
	// when it names no file.
	file    string
	heading string
	line    int // of the opening fence
	text    string
}

// fileName finds the names of files that readers are asked to write.
var fileName = regexp.MustCompile("`([a-z]+\\.(?:eskip|yaml))`")

// blocks returns the fenced blocks of a document in their order.
func blocks(t *testing.T, name string) []block {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var all []block
	var open *block
	heading, above := "", ""
	for i, line := range strings.Split(string(text), "\n") {
		fence, isFence := strings.CutPrefix(line, "```")
		switch {
		case open != nil && isFence:
			all = append(all, *open)
			open, above = nil, ""
		case open != nil:
			open.text += line + "\n"
		case isFence:
			lang, info, _ := strings.Cut(fence, " ")
			open = &block{lang: lang, broken: info == "broken", heading: heading, line: i + 1}
			if names := fileName.FindAllStringSubmatch(above, -1); names != nil {
				open.file = names[len(names)-1][1]
			}
		case strings.HasPrefix(line, "#"):
			heading, above = strings.TrimLeft(line, "# "), ""
		case line != "":
			above += line + "\n"
		case !strings.HasSuffix(above, "\n\n"):
			above += "\n"
		}
		if p := strings.Split(strings.TrimRight(above, "\n"), "\n\n"); len(p) > 1 {
			above = p[len(p)-1] + "\n" // only the last paragraph counts
		}
	}
	if open != nil {
		t.Errorf("%s:%d: the block has no end", name, open.line)
	}
	return all
}

// documents returns the Markdown files of the project.
func documents(t *testing.T) []string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(".", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && skipDir(p, d.Name()) {
			return fs.SkipDir
		}
		if strings.HasSuffix(p, ".md") {
			all = append(all, filepath.ToSlash(p))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}
