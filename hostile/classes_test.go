package hostile

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// class is one class of attacks and the tests that prove the defence: "folder
// Test, Test; folder Test". A folder is that of a package; "." is this one.
type class struct{ what, tests string }

// classes are the attacks that concern HTTP/1, HTTP/2, HTTP/3, TLS and what a
// proxy does; references stand with the tests.
var classes = []class{
	// HTTP/1 framing.
	{"CL.TE", ". TestCLTE; proxy TestPeerRequests"},
	{"TE.CL", ". TestTECL"},
	{"TE.TE and hidden Transfer-Encoding", ". TestTETE; http1 TestNoSecondMeaning"},
	{"double, signed and listed Content-Length", ". TestContentLength; http1 FuzzRequest"},
	{"bare LF, folding, NUL, CR in values, space before the colon", ". TestBareLF; http1 TestNoSecondMeaning"},
	{"chunk extensions, sizes and line ends", ". TestChunks, TestChunkSplit"},
	{"CL.0 and 0.CL", ". TestCL0"},
	{"Expect", ". TestExpectDesync"},
	{"pauses within a message", ". TestPauseBasedDesync, TestLateAnswer"},
	{"bytes behind CONNECT and Upgrade", ". TestUpgradePoisoning, TestConnectPoisoning; http2 TestTunnel"},
	{"split and smuggled responses", ". TestResponseSplitting; proxy TestPeerResponses; http1 FuzzResponse"},
	{"forms of targets, opinions about the host", ". TestHostOpinions; http1 TestNoSecondMeaning; message TestValidHost"},
	{"heads without an end, cookie bombs", ". TestCookieBomb, TestEndlessHeads"},
	{"slow heads, slow bodies, slow readers, half-open handshakes", "judges TestSiege; listen TestHalfOpenHandshakes, TestHandshakeTimeout; http2 TestTimeLimits, TestBodyTimeLimits; http3 TestTimeouts"},
	// HTTP/2.
	{"rapid reset", "http2 TestHostileRapidReset"},
	{"MadeYouReset", "http2 TestHostileMadeYouReset, TestHostileResetKeepsItsPlace"},
	{"CONTINUATION flood", "http2 TestHostileContinuation"},
	{"HPACK bombs, zero windows", "http2 TestHostileHeaderBomb, TestHostileTableSize, TestHostileZeroWindow, TestHostileManyHeads"},
	{"floods of PING, SETTINGS, PRIORITY and empty frames", "http2 TestHostileFrameFloods, TestHostileUnreadAnswers"},
	{"windows and SETTINGS_INITIAL_WINDOW_SIZE", "http2 TestHostileInitialWindow, TestHostileBeyondWindow, TestHostileTooManyStreams"},
	{"smuggling by HTTP/2 to HTTP/1", "http2 TestHostileMalformedRequests, TestRefusedRequests, TestMalformedBodies"},
	{"invalid preface, frames of any kind", "http2 TestInvalidPreface, TestConnectionErrors, FuzzServer"},
	{"hostile HTTP/2 backends", "http2 TestHostileBackendConnection, TestHostileBackendBomb, TestHostileBackendWindows, TestHostileBackendMalformed, TestHostileBackendInterims"},
	// HTTP/3.
	{"a stream that ends before its Content-Length", "http3 TestHostileLengths, TestHostileLateEnd"},
	{"QPACK bombs", "http3 TestHostileQPACKBomb"},
	{"streams and frames that HTTP/3 does not have", "http3 TestHostileStreams, TestHostileUniStreams, TestHostileEmptyFrames, FuzzControl"},
	{"floods over HTTP/3", "http3 TestHostileRapidReset, TestHostileHandshakes, TestMaxConnections"},
	// TLS.
	{"ClientHello in pieces", "certs TestSplitClientHello"},
	{"server names that fall through to another policy", "certs TestHostileServerNames"},
	{"an authority that cannot be read", "certs TestBackendAuthorityFailsClosed, TestClientAuthorityRefuses"},
	{"sessions resumed under another policy", "certs TestResumption, TestVerifyAgain, TestStrictNameOfResumedSession"},
	{"client certificates", "certs TestClientAuth"},
	// What a proxy does.
	{"hop-by-hop abuse", ". TestHopByHop"},
	{"spoofed X-Forwarded-*, Forwarded, X-Real-IP and aliases", ". TestForwardedSpoofing, TestForwardedRewritten; message TestClaim"},
	{"path confusion", ". TestPathConfusion; message TestAmbiguous, FuzzAmbiguous"},
	{"query smuggling", ". TestQuerySmuggling"},
	{"body-based bypass", "proxy TestFailures"},
	{"SSRF by dynamic backends", ". TestSSRFDynamic, TestSSRFSharedConnection, TestSSRFAllowed; proxy TestGuard"},
	{"DNS rebinding", ". TestSSRFRebinding; admin TestRebinding"},
	{"answers of others on shared connections", ". TestCrossTalk"},
	{"reads without an end", ". TestUnboundedReads, TestEndlessHeads"},
	{"expressions that cost too much", ". TestRegexBombs"},
	{"PROXY protocol: spoofing, lengths", "listen TestProxyHeader; kit/proxyproto TestMalformed, FuzzParse"},
	{"log and metrics injection", ". TestLogInjection; listen TestLogIsBounded; proxy TestRation"},
	{"side ports", ". TestPorts; admin TestRebinding, TestOtherSites"},
	{"no more descriptors", "listen TestAcceptEMFILE"},
}

// TestClasses checks that every test of the table exists.
func TestClasses(t *testing.T) {
	declared := map[string]string{}
	for _, c := range classes {
		for _, part := range strings.Split(c.tests, ";") {
			folder, names, _ := strings.Cut(strings.TrimSpace(part), " ")
			dir := filepath.Join("..", folder)
			if folder == "." {
				dir = "."
			}
			text, ok := declared[dir]
			if !ok {
				text = sources(t, dir)
				declared[dir] = text
			}
			for _, name := range strings.Split(names, ",") {
				name = strings.TrimSpace(name)
				if !regexp.MustCompile(`(?m)^func ` + name + `\(`).MatchString(text) {
					t.Errorf("%s: %s has no %q", c.what, folder, name)
				}
			}
		}
	}
}

// sources returns the text of all tests in a folder.
func sources(t *testing.T, dir string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(b)
	}
	return all.String()
}
