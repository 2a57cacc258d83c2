package cli

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// columns writes rows whose cells stand in line.
type columns struct{ w *tabwriter.Writer }

func columnsOn(w io.Writer) columns { return columns{tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)} }

// row adds a row. What goes wrong is returned by flush.
func (c columns) row(cells ...string) {
	_, _ = io.WriteString(c.w, strings.Join(cells, "\t")+"\n")
}

func (c columns) flush() error { return c.w.Flush() }

// printf writes to standard output.
func (s *shell) printf(format string, args ...any) error {
	_, err := fmt.Fprintf(s.Stdout, format, args...)
	return err
}

// complain writes a line to standard error. When that fails there is nobody
// left to tell.
func (s *shell) complain(format string, args ...any) {
	_, _ = fmt.Fprintf(s.Stderr, format+"\n", args...)
}
