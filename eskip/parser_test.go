package eskip_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"fairlead.dev/fairlead/eskip"
)

// TestParser makes sure that one text leaves nothing behind for the next.
func TestParser(t *testing.T) {
	var p eskip.Parser
	texts := []string{
		`a: Path("/\"x\"") && Host(/a\/b/) -> f(1, "two") -> <random, "http://a", "http://b">; b: * -> "http://c"`,
		`a: Path(`, `* -> <shunt>`, "", `a: * -> <shunt>; a: * -> <shunt>`, `a: * -> g("\n") -> <shunt>`,
	}
	kept := map[string][]*eskip.Route{}
	for range 2 {
		for _, text := range texts {
			at := eskip.Pos{File: "f", Line: 7, Col: 3}
			want, wantErr := eskip.ParseAt(at, text)
			got, err := p.ParseAt(at, text)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s: routes (-want +got)\n%s", text, diff)
			}
			if (err == nil) != (wantErr == nil) || err != nil && err.Error() != wantErr.Error() {
				t.Errorf("%s: error %v, want %v", text, err, wantErr)
			}
			kept[text] = got
		}
	}
	for text, routes := range kept {
		if want, _ := eskip.ParseAt(eskip.Pos{File: "f", Line: 7, Col: 3}, text); cmp.Diff(want, routes) != "" {
			t.Errorf("%s: the routes were changed later", text)
		}
	}
}
