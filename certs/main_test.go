package certs

import (
	"crypto/tls"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"fairlead.dev/fairlead/kit/certtest"
	"fairlead.dev/fairlead/kit/logtest"
	"fairlead.dev/fairlead/option"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// logs is a log that tests read.
type logs struct{ logtest.Buffer }

func (l *logs) log() *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }

// set returns options with what change sets.
func set(change func(v *Values)) *option.Set {
	s := option.NewSet()
	change(Options.From(s))
	return s
}

// keep returns a Keeper and its log.
func keep(t *testing.T, change func(v *Values)) (*Keeper, *logs) {
	t.Helper()
	l := &logs{}
	k, err := New(Config{Options: set(change), Log: l.log()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := k.Close(); err != nil {
			t.Error(err)
		}
	})
	return k, l
}

// files writes a pair and returns the options that name it.
func files(t *testing.T, p certtest.Pair, dir, name string) func(v *Values) {
	t.Helper()
	c, k := p.Write(t, dir, name)
	return func(v *Values) { v.Cert, v.Key = append(v.Cert, c), append(v.Key, k) }
}

// outcome is what both ends saw of one handshake.
type outcome struct {
	client, server       tls.ConnectionState
	clientErr, serverErr error
}

// name returns the first name of the certificate that the server showed.
func (o outcome) name() string {
	if len(o.client.PeerCertificates) == 0 {
		return ""
	}
	return o.client.PeerCertificates[0].Subject.CommonName
}

func (o outcome) failed() bool { return o.clientErr != nil || o.serverErr != nil }

// greet makes a handshake and passes one byte from the server to the client,
// with which session tickets arrive and late alerts, too.
func greet(t *testing.T, server, client *tls.Config) outcome {
	t.Helper()
	a, b := connect(t)
	return greetOver(t, a, b, server, client)
}

// connect returns both ends of a connection. It has buffers, for both may write
// at once: net.Pipe would hang.
func connect(t *testing.T) (a, b net.Conn) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	if b, err = net.Dial("tcp", ln.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if a, err = ln.Accept(); err != nil {
		t.Fatal(err)
	}
	return a, b
}

func greetOver(t *testing.T, a, b net.Conn, server, client *tls.Config) (o outcome) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	_, _ = a.SetDeadline(deadline), b.SetDeadline(deadline)
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer a.Close()
		s := tls.Server(a, server)
		if o.serverErr = s.Handshake(); o.serverErr != nil {
			return
		}
		o.server = s.ConnectionState()
		_, o.serverErr = s.Write([]byte("x"))
	}()
	c := tls.Client(b, client)
	if o.clientErr = c.Handshake(); o.clientErr == nil {
		o.client = c.ConnectionState()
		_, o.clientErr = c.Read(make([]byte, 1))
	}
	b.Close()
	<-done
	return o
}

// wants fails the test unless text has all parts.
func wants(t *testing.T, what, text string, parts ...string) {
	t.Helper()
	for _, p := range parts {
		if !strings.Contains(text, p) {
			t.Errorf("%s: found %q, expected %q in it", what, text, p)
		}
	}
}

// secretless fails the test if text shows a line of a key.
func secretless(t *testing.T, text string, pairs ...certtest.Pair) {
	t.Helper()
	for _, p := range pairs {
		for line := range strings.Lines(string(p.KeyPEM)) {
			line = strings.TrimSpace(line)
			if strings.HasPrefix(line, "-----") || line == "" {
				continue
			}
			for from := 0; from+16 <= len(line); from += 8 { // parts of a line, too
				if strings.Contains(text, line[from:from+16]) {
					t.Fatalf("a key stands in %q", text)
				}
			}
		}
	}
}

func join(dir string, names ...string) string {
	return filepath.Join(append([]string{dir}, names...)...)
}
