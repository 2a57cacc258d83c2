package predicatetest_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"fairlead.dev/fairlead/predicate"
	_ "fairlead.dev/fairlead/predicate/clock"
	_ "fairlead.dev/fairlead/predicate/fixed"
	_ "fairlead.dev/fairlead/predicate/forwarded"
	_ "fairlead.dev/fairlead/predicate/header"
	_ "fairlead.dev/fairlead/predicate/host"
	_ "fairlead.dev/fairlead/predicate/method"
	_ "fairlead.dev/fairlead/predicate/network"
	_ "fairlead.dev/fairlead/predicate/path"
	"fairlead.dev/fairlead/predicate/predicatetest"
	_ "fairlead.dev/fairlead/predicate/query"
	_ "fairlead.dev/fairlead/predicate/token"
	_ "fairlead.dev/fairlead/predicate/traffic"
)

func TestAll(t *testing.T) { predicatetest.Run(t) }

// The names are those of spec 1.2.
func TestNames(t *testing.T) {
	want := []string{
		"After", "Before", "Between", "ClientIP", "ContentLengthBetween", "Cookie", "Cron", "False", "ForwardedHost",
		"ForwardedProtocol", "Header", "HeaderRegexp", "HeaderSHA256", "Host", "HostAny", "JWTPayloadAllKV",
		"JWTPayloadAllKVRegexp", "JWTPayloadAnyKV", "JWTPayloadAnyKVRegexp", "Method", "Methods", "OTelBaggage",
		"Path", "PathRegexp", "PathSubtree", "QueryParam", "Shutdown", "Source", "SourceFromLast", "Tee", "Traffic",
		"TrafficSegment", "True", "Weight",
	}
	if d := cmp.Diff(want, predicate.Names()); d != "" {
		t.Error(d)
	}
}

// What a route may have once only.
func TestOnce(t *testing.T) {
	var got []string
	for _, def := range predicate.All() {
		if def.Once {
			got = append(got, def.Name)
		}
	}
	if d := cmp.Diff([]string{"Method", "Path", "PathSubtree"}, got); d != "" {
		t.Error(d)
	}
}
