package peer

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"fairlead.dev/fairlead/bench/cert"
	"fairlead.dev/fairlead/bench/proc"
)

// TestFronts starts every proxy that is at hand with every front, and with
// backends that answer calls, and asks once over HTTP/2.
func TestFronts(t *testing.T) {
	store := testStore(t)
	files, err := cert.Write(t.TempDir(), cert.ECDSA)
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range All() {
		if len(k.Only) > 0 {
			continue // the same with other buffers
		}
		t.Run(k.Name, func(t *testing.T) {
			path := program(t, store, k)
			for _, c := range []struct {
				name  string
				front Front
				calls bool
			}{{"TLS", TLS, false}, {"h2c", H2C, false}, {"calls", TLS, true}, {"calls h2c", H2C, true}} {
				t.Run(c.name, func(t *testing.T) {
					s := Setup{
						Program: path, Dir: t.TempDir(), Port: freePort(t), Support: freePort(t),
						Front: c.front, Cert: files, Calls: c.calls, Origins: []string{versions(t, c.calls)},
					}
					s.startAndAsk(t, k)
				})
			}
		})
	}
}

// versions is a backend that accepts one version of HTTP and says that and what
// it was asked; it answers calls with their own message.
func versions(t *testing.T, calls bool) string {
	t.Helper()
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Backend", fmt.Sprint(r.ProtoMajor, r.Method, r.Header.Get("X-Bench")))
		w.Header().Set("Content-Type", r.Header.Get("Content-Type"))
		io.Copy(w, r.Body)
		w.Header().Set(http.TrailerPrefix+"Grpc-Status", "0")
	}))
	s.Config.Protocols = &http.Protocols{}
	s.Config.Protocols.SetHTTP1(!calls)
	s.Config.Protocols.SetUnencryptedHTTP2(calls)
	s.Start()
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

func (s Setup) startAndAsk(t *testing.T, k Kind) {
	t.Helper()
	cmd, err := k.Write(s)
	if cannot, ok := errors.AsType[Cannot](err); ok {
		t.Skip("cannot: ", cannot)
	}
	if err != nil {
		t.Fatal(err)
	}
	cmd.Path, cmd.Dir, cmd.CPU, cmd.Log = s.Program, s.Dir, -1, filepath.Join(s.Dir, "log")
	p, err := proc.Start(cmd)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Stop)
	want := "200 1GET1 served " + k.Name
	if s.Calls {
		want = "200 2POST1 served " + k.Name + ", 0"
	}
	got := ""
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); {
		if got = s.overHTTP2(); got == want {
			return
		}
		if err := p.Ended(); err != nil {
			t.Fatal(err)
		}
	}
	t.Errorf("got %q, want %q; log: %s", got, want, p.LogTail())
}

// tickets counts the sessions that a server offers to resume.
type tickets struct{ n int }

func (t *tickets) Get(string) (*tls.ClientSessionState, bool) { return nil, false }
func (t *tickets) Put(string, *tls.ClientSessionState)        { t.n++ }

// TestNoTickets asks the proxies over OpenSSL with a client that can use them.
func TestNoTickets(t *testing.T) {
	store := testStore(t)
	files, err := cert.Write(t.TempDir(), cert.RSA)
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range []Kind{nginx(), haproxy()} {
		t.Run(k.Name, func(t *testing.T) {
			s := Setup{
				Program: program(t, store, k), Dir: t.TempDir(), Port: freePort(t), Support: freePort(t),
				Front: TLS, Cert: files, Origins: []string{versions(t, false)},
			}
			s.startAndAsk(t, k)
			offered := &tickets{}
			c, err := tls.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", s.Port), &tls.Config{
				InsecureSkipVerify: true, ServerName: "bench.example", ClientSessionCache: offered,
			})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			fmt.Fprint(c, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
			if b, err := io.ReadAll(c); err != nil || !bytes.HasPrefix(b, []byte("HTTP/1.1 200 ")) {
				t.Errorf("%q, %v", b, err)
			}
			if offered.n > 0 {
				t.Errorf("%d tickets", offered.n)
			}
		})
	}
}

// overHTTP2 asks once and says what came.
func (s Setup) overHTTP2() string {
	var protocols http.Protocols
	protocols.SetHTTP2(s.Front == TLS)
	protocols.SetUnencryptedHTTP2(s.Front == H2C)
	tr := &http.Transport{Protocols: &protocols, TLSClientConfig: &tls.Config{InsecureSkipVerify: true, ServerName: "bench.example"}}
	defer tr.CloseIdleConnections()
	scheme := map[Front]string{TLS: "https", H2C: "http"}[s.Front]
	method, message := "GET", ""
	if s.Calls {
		method, message = "POST", "\x00\x00\x00\x00\x02hi"
	}
	req, err := http.NewRequest(method, fmt.Sprintf("%s://127.0.0.1:%d/bench.Echo/Say", scheme, s.Port), bytes.NewReader([]byte(message)))
	if err != nil {
		return err.Error()
	}
	req.Header.Set("Content-Type", "application/grpc")
	req.Header.Set("Te", "trailers")
	res, err := (&http.Client{Transport: tr, Timeout: 5 * time.Second}).Do(req)
	if err != nil {
		return err.Error()
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil || string(body) != message || res.ProtoMajor != 2 {
		return fmt.Sprintf("body %q, version %d, %v", body, res.ProtoMajor, err)
	}
	got := fmt.Sprintf("%d %s served %s", res.StatusCode, res.Header.Get("X-Backend"), res.Header.Get("X-Served"))
	if s.Calls {
		got += ", " + res.Trailer.Get("Grpc-Status")
	}
	return got
}

// TestKnows asks a program that lists two flags.
func TestKnows(t *testing.T) {
	program := filepath.Join(t.TempDir(), "program")
	text := "#!/bin/sh\n[ \"$1\" = list ] && echo '  -tls-cert string' && echo '-other-tls-key bool'\nexit 2\n"
	if err := os.WriteFile(program, []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := knows(program, "list", []string{"-tls-cert=x"}); err != nil {
		t.Error(err)
	}
	if err := knows(program, "list", []string{"-tls-key=x"}); err != Cannot("it has no flag -tls-key") {
		t.Errorf("error %v", err)
	}
	var cannot Cannot
	if err := knows(program, "silent", []string{"-tls-cert"}); err == nil || errors.As(err, &cannot) {
		t.Errorf("a program that says nothing: %v", err)
	}
}
