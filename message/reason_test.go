package message

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
)

func TestReasonsAreComplete(t *testing.T) {
	code := regexp.MustCompile(`^[a-z]+(-[a-z]+)*$`)
	seen := map[string]Reason{}
	for _, r := range Reasons() {
		row := r.row()
		if !code.MatchString(row.code) {
			t.Errorf("reason %d: code %q is not made of lower case words and dashes", r, row.code)
		}
		if other, taken := seen[row.code]; taken {
			t.Errorf("reasons %d and %d share the code %q", other, r, row.code)
		}
		seen[row.code] = r
		if row.status != 499 && row.status != 465 && http.StatusText(row.status) == "" {
			t.Errorf("%s: %d is no status of an answer", r, row.status)
		}
		for field, text := range map[string]string{"meaning": row.meaning, "cause": row.cause, "next": row.next} {
			if text == "" || strings.HasSuffix(text, ".") || strings.ContainsAny(text, "\n\t") {
				t.Errorf("%s: %s %q is not one line without a full stop", r, field, text)
			}
		}
	}
	if len(seen) != int(reasonCount)-1 {
		t.Errorf("found %d codes for %d reasons", len(seen), reasonCount-1)
	}
}

// The statuses that spec 1.12 fixes.
func TestReasonStatus(t *testing.T) {
	for r, want := range map[Reason]int{
		ReasonNoRoute: 404, ReasonNotReady: 503, ReasonLoopLimit: 500, ReasonFilterPanic: 500,
		ReasonDialFailed: 502, ReasonTLSFailed: 502, ReasonBackendTimeout: 504, ReasonBackendReset: 503,
		ReasonClientGone: 499, ReasonPayloadRefused: 400, ReasonBodyMalformed: 400,
		ReasonHeaderTooLarge: 431, ReasonURITooLong: 414, ReasonBadVersion: 505, ReasonNone: 0,
	} {
		if got := r.Status(); got != want {
			t.Errorf("status of %s is %d, want %d", r, got, want)
		}
	}
}

func TestLookupReason(t *testing.T) {
	for _, r := range Reasons() {
		if got, ok := LookupReason(r.Code()); !ok || got != r {
			t.Errorf("LookupReason(%q) = %v, %v", r.Code(), got, ok)
		}
	}
	for _, code := range []string{"", "none", "nonsense"} {
		if r, ok := LookupReason(code); ok {
			t.Errorf("LookupReason(%q) found %v", code, r)
		}
	}
}

func TestReasonOutsideTheList(t *testing.T) {
	for _, r := range []Reason{ReasonNone, reasonCount, 255} {
		if r.Code() != "" || r.String() != "none" || r.Status() != 0 || r.Error() == "" {
			t.Errorf("Reason(%d) = %q, %q, %d, %q", r, r.Code(), r, r.Status(), r.Error())
		}
	}
}

func TestReasonIsAnError(t *testing.T) {
	err := fmt.Errorf("dial %q: %w", "127.0.0.1:1", ReasonDialFailed)
	var r Reason
	if !errors.As(err, &r) || r != ReasonDialFailed || !errors.Is(err, ReasonDialFailed) {
		t.Errorf("%v does not give back its reason", err)
	}
	if want := `dial "127.0.0.1:1": ` + ReasonDialFailed.Meaning(); err.Error() != want {
		t.Errorf("error is %q, want %q", err, want)
	}
	var sink error
	if n := testing.AllocsPerRun(100, func() { sink = ReasonClientGone }); n != 0 || sink == nil {
		t.Errorf("a Reason as an error costs %v allocations", n)
	}
}
