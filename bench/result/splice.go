package result

import (
	"fmt"
	"os"
	"strings"
)

// The markers of a document between which the tables stand.
const (
	Begin = "<!-- bench: begin -->"
	End   = "<!-- bench: end -->"
)

// Splice replaces what stands between the markers of a file.
func Splice(path, text string) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("put tables into document: %w", err)
	}
	before, rest, ok := strings.Cut(string(b), Begin)
	_, after, ok2 := strings.Cut(rest, End)
	if !ok || !ok2 {
		return fmt.Errorf("put tables into document %q: it needs the lines %q and %q", path, Begin, End)
	}
	whole := before + Begin + "\n" + strings.TrimSpace(text) + "\n" + End + after
	if err := os.WriteFile(path, []byte(whole), 0o644); err != nil {
		return fmt.Errorf("put tables into document: %w", err)
	}
	return nil
}
