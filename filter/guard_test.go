package filter

import (
	"testing"

	"fairlead.dev/fairlead/message"
)

func TestOutcomeFailed(t *testing.T) {
	for _, c := range []struct {
		o    Outcome
		want bool
	}{
		{Outcome{Status: 200}, false}, {Outcome{Status: 404}, false}, {Outcome{Status: 499}, false},
		{Outcome{Status: 500}, true}, {Outcome{Status: 503}, true},
		{Outcome{Reason: message.ReasonDialFailed}, true}, {Outcome{Reason: message.ReasonBackendTimeout}, true},
		{Outcome{Reason: message.ReasonClientGone}, false}, {Outcome{Reason: message.ReasonBodyCut}, false},
		{Outcome{Reason: message.ReasonFilterPanic}, false}, {Outcome{Reason: message.ReasonInternal}, false},
		{Outcome{Reason: message.ReasonCircuitOpen, Refused: true}, false},
	} {
		if got := c.o.Failed(); got != c.want {
			t.Errorf("%+v: failed is %v", c.o, got)
		}
	}
}
