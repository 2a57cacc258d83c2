package eskip

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestPeerCases reads every route document of the peer's cases, which lie
// beside the repository.
func TestPeerCases(t *testing.T) {
	root := filepath.Join("..", "..", "shared", "peer-cases")
	if _, err := os.Stat(root); err != nil {
		t.Skipf("the peer's cases are not here: %v", err)
	}
	documents, routes := 0, 0
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".eskip") {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		documents++
		list, err := Parse(path, string(data))
		if err != nil {
			t.Error(err)
			return nil
		}
		routes += len(list)
		checkRoundTrip(t, list)
		checkPieces(t, string(data), list, nil)
		for _, r := range list {
			if c := Canonical(r); !Equal(c, Canonical(c)) {
				t.Errorf("%s: %s: the canonical form of the canonical form differs", path, r.ID)
			}
			checkJSON(t, r)
		}
		return nil
	})
	if err != nil || documents == 0 {
		t.Errorf("%d documents: %v", documents, err)
	}
	t.Logf("%d documents, %d routes", documents, routes)
}
