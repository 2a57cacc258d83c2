package cli

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"fairlead.dev/fairlead/eskip"
)

// routesFmt is `fairlead routes fmt`.
func (s *shell) routesFmt() *cobra.Command {
	var write, diff bool
	c := &cobra.Command{
		Use:   "fmt [-w|-d] FILE...",
		Short: "give documents of routes uniform white space",
		Long: `Format documents of routes. Only white space changes: comments, the order of
routes and the way strings and expressions are written stay. A route that stands
in one line stays in one line; otherwise every arrow begins a line.

Without a flag the result goes to standard output. A document with a mistake is
left alone. The file "-" is standard input.`,
		Example: `  fairlead routes fmt routes.eskip
  fairlead routes fmt -w *.eskip
  fairlead routes fmt -d routes.eskip     show what -w would change, exit 1 if anything`,
		Args: arguments(1, -1, "at least one file, or - for standard input"),
		RunE: func(_ *cobra.Command, args []string) error {
			switch {
			case write && diff:
				return usage("-w and -d do not go together")
			case write && slices.Contains(args, "-"):
				return usage("-w cannot write to standard input")
			}
			docs, err := s.readAllDocuments(args)
			if err != nil {
				return err
			}
			return s.formatAll(docs, write, diff)
		},
	}
	c.Flags().BoolVarP(&write, "write", "w", false, "write the result back to the file")
	c.Flags().BoolVarP(&diff, "diff", "d", false, "show the lines that change, write nothing")
	return c
}

// formatAll formats documents. A document with mistakes does not keep the
// others from being formatted.
func (s *shell) formatAll(docs []document, write, diff bool) error {
	var failed error
	for _, d := range docs {
		if err := s.report(d.faults); err != nil {
			failed = err
			continue
		}
		text, err := format(d)
		if err != nil {
			return err
		}
		switch {
		case write && text != d.text:
			err = rewrite(d.name, text)
		case diff && text != d.text:
			err = printLineDiff(s.Stdout, d.name, d.text, text)
			failed = quiet(exitProblem)
		case !write && !diff:
			err = s.printf("%s", text)
		}
		if err != nil {
			return err
		}
	}
	return failed
}

// format lays a document out and makes sure that it still says the same.
func format(d document) (string, error) {
	text := layout(d.text)
	routes, err := eskip.Parse(d.name, text)
	if err != nil || !slices.EqualFunc(routes, d.routes, eskip.Equal) {
		return "", fmt.Errorf("format %q: the result would not be the same routes; the file is left as it is, please report it", d.name)
	}
	return text, nil
}

// rewrite replaces the content of a file at once: whoever watches it never sees
// a part of it.
func rewrite(name, text string) error {
	name, err := filepath.EvalSymlinks(name)
	if err != nil {
		return err
	}
	info, err := os.Stat(name)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+"-*")
	if err != nil {
		return fmt.Errorf("write %q: %w", name, err)
	}
	defer os.Remove(f.Name()) //nolint:errcheck // it is gone once it is renamed
	_, err = f.WriteString(text)
	if err == nil {
		err = f.Chmod(info.Mode().Perm())
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		return fmt.Errorf("write %q: %w", name, err)
	}
	return nil
}

// printLineDiff writes the lines that differ, with the number of the first.
func printLineDiff(w io.Writer, name, before, after string) error {
	for _, h := range lineDiff(strings.SplitAfter(before, "\n"), strings.SplitAfter(after, "\n")) {
		if _, err := fmt.Fprintf(w, "%s:%d:\n%s%s", name, h.line+1, signed("-", h.before), signed("+", h.after)); err != nil {
			return err
		}
	}
	return nil
}

func signed(sign string, lines []string) string {
	var b strings.Builder
	for _, l := range lines {
		if l != "" {
			b.WriteString(sign + strings.TrimSuffix(l, "\n") + "\n")
		}
	}
	return b.String()
}

// hunk is a run of lines that one text has in place of those of another.
type hunk struct {
	line          int // in the old text, from 0
	before, after []string
}

// lookahead bounds how far lineDiff looks for lines that the texts share again.
const lookahead = 200

// lineDiff compares two texts line by line. It finds the nearest place where
// both go on the same; the result is right and mostly, not always, the shortest.
func lineDiff(a, b []string) []hunk {
	var hunks []hunk
	for i, j := 0, 0; i < len(a) || j < len(b); {
		if i < len(a) && j < len(b) && a[i] == b[j] {
			i, j = i+1, j+1
			continue
		}
		di, dj := meet(a[i:], b[j:])
		hunks = append(hunks, hunk{i, a[i : i+di], b[j : j+dj]})
		i, j = i+di, j+dj
	}
	return hunks
}

// meet returns how many lines to skip in a and b to come to a shared one.
func meet(a, b []string) (int, int) {
	for sum := 1; sum < 2*lookahead; sum++ {
		for i := max(0, sum-len(b)); i <= min(sum, len(a)); i++ {
			j := sum - i
			if i < len(a) && j < len(b) && a[i] == b[j] && strings.TrimSpace(a[i]) != "" {
				return i, j
			}
		}
	}
	return len(a), len(b)
}
