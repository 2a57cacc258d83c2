package http1

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"os"
	"testing"

	"fairlead.dev/fairlead/exchange"
	"fairlead.dev/fairlead/message"
)

// peerCase is one line of the shared cases of other parsers.
type peerCase struct {
	ID       string `json:"id"`
	Kind     string `json:"kind"`
	Expect   string `json:"expect"`
	Raw      string `json:"raw_b64"`
	WithHost string `json:"with_host_b64"`
}

func (c peerCase) bytes(t *testing.T) string {
	t.Helper()
	text := c.WithHost
	if text == "" {
		text = c.Raw
	}
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func peerCases(t *testing.T, kind string) []peerCase {
	t.Helper()
	f, err := os.Open("../../shared/peer-cases/http1/cases.jsonl")
	if err != nil {
		t.Skip("the shared peer cases are not beside this checkout")
	}
	defer f.Close()
	var all []peerCase
	sc := bufio.NewScanner(f)
	sc.Buffer(nil, 1<<20)
	for sc.Scan() {
		var c peerCase
		if err := json.Unmarshal(sc.Bytes(), &c); err != nil {
			t.Fatal(err)
		}
		if c.Kind == kind {
			all = append(all, c)
		}
	}
	if len(all) < 10 {
		t.Fatalf("only %d cases of kind %q", len(all), kind)
	}
	return all
}

// TestPeerRequestSplits feeds each request case at each split point.
func TestPeerRequestSplits(t *testing.T) {
	for _, c := range peerCases(t, "request") {
		t.Run(c.ID, func(t *testing.T) {
			t.Parallel()
			checkSplits(t, c.bytes(t))
		})
	}
}

// unknownMethods are the rejected samples that only use a method or version
// that the peers' parser does not know; RFC 9110 9.1 leaves methods open.
var unknownMethods = map[string]bool{
	"llhttp/request/invalid.md#3": true,
}

// TestPeerRequests checks that what must be rejected never reaches a handler
// as the peer's smuggled reading of it.
func TestPeerRequests(t *testing.T) {
	for _, c := range peerCases(t, "request") {
		if c.Expect != "reject" || unknownMethods[c.ID] {
			continue
		}
		t.Run(c.ID, func(t *testing.T) {
			var r recorder
			s := scripted(c.bytes(t))
			serveScript(s, &r, exchange.Limits{})
			codes, _, _ := statuses(s.out.Bytes(), nil)
			for _, code := range codes {
				if code < 300 {
					t.Errorf("answered %v; the handler saw %+v", codes, r.seen)
				}
			}
		})
	}
}

// TestPeerResponses checks that a response which must be rejected is not taken
// for a complete one.
func TestPeerResponses(t *testing.T) {
	for _, c := range peerCases(t, "response") {
		t.Run(c.ID, func(t *testing.T) {
			cl := NewClient(scripted(c.bytes(t)), exchange.Limits{})
			req := &message.Request{Method: "GET", RawPath: "/"}
			var resp message.Response
			err := cl.Do(req, &resp, &exchange.SendOptions{Host: "h"})
			if err == nil && resp.Body != nil {
				if b, ok := resp.Body.(*Body); ok {
					b.drain(1 << 20)
					err = b.err
				}
			}
			if c.Expect == "reject" && err == nil {
				t.Errorf("accepted as %d %v", resp.Status, resp.Header.Fields())
			}
		})
	}
}
