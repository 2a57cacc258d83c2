package acme

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"fairlead.dev/fairlead/kit/storage"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const day = 24 * time.Hour

// trial is a manager with a fake CA, in virtual time.
type trial struct {
	*Manager
	t       *testing.T
	ca      *fakeCA
	log     *lines
	changes int
	stop    func()
}

type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// trials runs a test in virtual time with a manager that has not started yet.
func trials(t *testing.T, set func(*fakeCA, *Values, *Config), test func(*trial)) {
	t.Helper()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		r := &trial{t: t, ca: newFakeCA(t), log: &lines{}}
		v := Values{
			Hosts: []string{"one.example"}, AgreeTerms: true, Directory: r.ca.base + "/dir", Storage: dir,
			KeyType: "ecdsa", Challenges: []string{http01, tlsALPN01},
		}
		c := Config{
			Log: slog.New(slog.NewTextHandler(r.log, nil)), Transport: r.ca,
			OnChange: func([]*tls.Certificate) { r.changes++ },
		}
		if set != nil {
			set(r.ca, &v, &c)
		}
		var err error
		if r.Manager, err = New(v, c); err != nil {
			t.Fatal(err)
		}
		if err := r.Load(t.Context()); err != nil {
			t.Fatal(err)
		}
		test(r)
		r.end()
		if strings.Contains(r.log.String(), "PRIVATE KEY-----") {
			t.Error("the log shows a key")
		}
		if t.Failed() {
			t.Logf("log:\n%.6000s", r.log)
		}
	})
}

// start runs the manager and waits until it has nothing to do.
func (r *trial) start() {
	ctx, cancel := context.WithCancel(r.t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = r.Run(ctx)
	}()
	r.stop = func() { cancel(); <-done }
	r.pass(20 * time.Second)
}

func (r *trial) end() {
	if r.stop != nil {
		r.stop()
	}
	if len(r.board.open) != 0 {
		r.t.Errorf("%d challenges are left on the board", len(r.board.open))
	}
}

// pass lets time go by.
func (r *trial) pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func (r *trial) one() Status { return r.Status()[0] }

// TestRenewsInTime checks when a certificate is renewed: a third before its end,
// or when the CA says, but with time to spare and not without end.
func TestRenewsInTime(t *testing.T) {
	at := func(days ...int) func(*fakeCA) {
		return func(f *fakeCA) {
			began := time.Now()
			f.window = func() (time.Time, time.Time) {
				if f.count["new-order"] > 1 {
					return began.Add(100 * day), began.Add(101 * day)
				}
				return began.Add(time.Duration(days[0]) * day), began.Add(time.Duration(days[1]) * day)
			}
		}
	}
	for name, c := range map[string]struct {
		ca       func(*fakeCA)
		from, to time.Duration // when the second certificate comes
	}{
		"a third":        {func(*fakeCA) {}, 58 * day, 60 * day},
		"the CA says":    {at(20, 21), 20 * day, 21*day + 7*time.Hour},
		"too late":       {at(88, 200), 75*day - time.Hour, 75*day + time.Hour},
		"window is past": {at(-3, -2), time.Hour - time.Minute, time.Hour + 10*time.Minute},
		"empty window":   {at(5, 5), 58 * day, 60 * day},
	} {
		t.Run(name, func(t *testing.T) {
			trials(t, func(f *fakeCA, _ *Values, _ *Config) { c.ca(f) }, func(r *trial) {
				r.start()
				if s := r.one(); s.Obtained != 1 || r.changes != 1 {
					t.Fatalf("status %+v after the start, %d changes", s, r.changes)
				}
				r.pass(c.from - time.Minute)
				if s := r.one(); s.Obtained != 1 {
					t.Errorf("renewed before %v: %+v", c.from, s)
				}
				r.pass(c.to - c.from + 2*time.Minute)
				if s := r.one(); s.Obtained != 2 {
					t.Errorf("%d certificates at %v, expected a second", s.Obtained, c.to)
				}
			})
		})
	}
}

// TestBoundsOrders counts how often a CA is asked within a day, whatever it does.
func TestBoundsOrders(t *testing.T) {
	for name, c := range map[string]struct {
		ca   func(*fakeCA)
		most int
	}{
		"always says renew now": {func(f *fakeCA) {
			f.window = func() (time.Time, time.Time) { return time.Unix(0, 0), time.Unix(1000, 0) }
		}, 25},
		"certificates of an old date": {func(f *fakeCA) { f.back = 89 * day }, 25},
		"nobody answers challenges":   {func(f *fakeCA) { f.prove = func(string, string, string) bool { return false } }, 14},
		"refuses": {func(f *fakeCA) {
			f.change = func(path string, _ map[string]any) *http.Response {
				if path == "new-order" {
					return refuse(400, "rejectedIdentifier", "no")
				}
				return nil
			}
		}, 12},
		"limits the rate": {func(f *fakeCA) {
			f.change = func(path string, _ map[string]any) *http.Response {
				if path != "new-order" {
					return nil
				}
				resp := refuse(429, "rateLimited", "too many")
				resp.Header.Set("Retry-After", "40000")
				return resp
			}
		}, 3},
	} {
		t.Run(name, func(t *testing.T) {
			trials(t, func(f *fakeCA, _ *Values, _ *Config) { c.ca(f) }, func(r *trial) {
				r.start()
				first := r.ca.requests("new-order")
				r.pass(day)
				if n := r.ca.requests("new-order"); first == 0 || n == first || n > c.most {
					t.Errorf("%d orders at first, %d in a day, expected more, and at most %d", first, n, c.most)
				}
			})
		})
	}
}

// TestComesBack checks that a CA that is away is asked again, and that the old
// certificate serves until then.
func TestComesBack(t *testing.T) {
	trials(t, func(f *fakeCA, _ *Values, _ *Config) { f.down = true }, func(r *trial) {
		r.start()
		r.pass(30 * time.Minute)
		if s := r.one(); s.Failures < 4 || s.Failures > 12 || !strings.Contains(s.Err, "connection refused") {
			t.Errorf("status %+v", s)
		}
		r.ca.set(func() { r.ca.down = false })
		r.pass(75 * time.Minute)
		if s := r.one(); s.Obtained != 1 || s.Failures != 0 || s.Err != "" {
			t.Errorf("an hour later: %+v", s)
		}
		r.ca.set(func() { r.ca.down = true })
		r.pass(95 * day)
		if s := r.one(); s.Failures == 0 || s.NotAfter.After(time.Now()) || r.hosts[0].inUse() == nil {
			t.Errorf("after the end: %+v", s)
		}
		if log := r.log.String(); !strings.Contains(log, "serves_meanwhile=\"the one that ends") || !strings.Contains(log, "check that acme-directory can be reached") {
			t.Error("the log does not say what serves and what to do")
		}
	})
}

// TestChallengesTakeTurns checks that the first try uses both challenges, later
// ones one each, and that the board shows only the host in progress, with our
// text.
func TestChallengesTakeTurns(t *testing.T) {
	var tried []string
	trials(t, nil, func(r *trial) {
		r.ca.prove = func(kind, host, token string) bool {
			tried = append(tried, kind)
			if _, ok := r.HTTP01("other.example", challengePath+token); ok {
				t.Error("answers for a host that is not in progress")
			}
			if body, ok := r.HTTP01("One.Example.:80", challengePath+token); ok != (kind == http01) || strings.Contains(body, "choice") {
				t.Errorf("%s: answers %q", kind, body)
			}
			if _, ok := r.HTTP01("one.example", challengePath); ok {
				t.Error("answers without a token")
			}
			if _, err := r.TLSALPN(alpnHello("ONE.example")); (err == nil) != (kind == tlsALPN01) {
				t.Errorf("%s: %v", kind, err)
			}
			if _, err := r.TLSALPN(&tls.ClientHelloInfo{ServerName: "one.example", SupportedProtos: []string{alpnProtocol, "h2"}}); err == nil {
				t.Error("a client that speaks more gets the challenge's certificate")
			}
			return len(tried) >= 5
		}
		r.start()
		r.pass(2 * time.Hour)
		want := []string{http01, tlsALPN01, tlsALPN01, http01, tlsALPN01}
		if strings.Join(tried, " ") != strings.Join(want, " ") || r.one().Obtained != 1 {
			t.Errorf("tried %q, expected %q; %+v", tried, want, r.one())
		}
		if log := r.log.String(); !strings.Contains(log, "nobody there") || !strings.Contains(log, "DNS entries") {
			t.Error("the log does not have the CA's words and what to do")
		}
	})
}

// TestLostAccount checks what happens when the CA has lost the account, or has
// deactivated it.
func TestLostAccount(t *testing.T) {
	for _, kind := range []string{"accountDoesNotExist", "unauthorized"} {
		t.Run(kind, func(t *testing.T) {
			accounts := 0
			trials(t, func(f *fakeCA, _ *Values, _ *Config) {
				f.change = func(path string, _ map[string]any) *http.Response {
					switch {
					case path == "new-order" && accounts < 2:
						return refuse(401, kind, "this account is gone")
					case path == "account":
						if accounts++; kind == "unauthorized" && accounts == 2 {
							return refuse(401, kind, "this key is gone")
						}
					}
					return nil
				}
			}, func(r *trial) {
				r.start()
				want := map[string]int{"accountDoesNotExist": 2, "unauthorized": 3}[kind]
				if s := r.one(); s.Obtained != 1 || accounts != want {
					t.Errorf("%d registrations, expected %d: %+v", accounts, want, s)
				}
			})
		})
	}
}

// TestHostileCA checks that nothing of a CA that misbehaves is used, and that
// it ends.
func TestHostileCA(t *testing.T) {
	onAuthz := func(edit func(map[string]any)) func(*fakeCA) {
		return func(f *fakeCA) {
			f.change = func(path string, _ map[string]any) *http.Response {
				if path != "authz" {
					return nil
				}
				a := f.authz("1")
				edit(a)
				return reply(200, a)
			}
		}
	}
	token := func(text string) func(*fakeCA) {
		return onAuthz(func(a map[string]any) {
			for _, c := range a["challenges"].([]any) {
				c.(map[string]any)["token"] = text
			}
		})
	}
	onPath := func(where string, resp func(*fakeCA) *http.Response) func(*fakeCA) {
		return func(f *fakeCA) {
			f.change = func(path string, _ map[string]any) *http.Response {
				if path == where {
					return resp(f)
				}
				return nil
			}
		}
	}
	for name, c := range map[string]struct {
		ca   func(*fakeCA)
		want string
	}{
		"another host":     {func(f *fakeCA) { f.issue = func(x *x509.Certificate) { x.DNSNames = []string{"evil.example"} } }, "evil.example"},
		"expired":          {func(f *fakeCA) { f.back = 100 * day }, "it ended at"},
		"ends before":      {func(f *fakeCA) { f.issue = func(x *x509.Certificate) { x.NotBefore = x.NotAfter.Add(time.Hour) } }, "before it begins"},
		"no certificate":   {onPath("cert", func(*fakeCA) *http.Response { return pemReply("") }), "certificate from the CA"},
		"a key in it":      {onPath("cert", func(*fakeCA) *http.Response { return pemReply("PRIVATE KEY") }), "expected at most 10 of CERTIFICATE"},
		"token is a path":  {token("../../etc/passwd"), "not base64url"},
		"token is long":    {token(strings.Repeat("a", 129)), "129 bytes"},
		"token is empty":   {token(""), "0 bytes"},
		"no encryption":    {onPath("new-order", func(f *fakeCA) *http.Response { return orderAt(f, "http://ca.test/authz/1") }), "expected an https URL"},
		"two hosts":        {onPath("new-order", func(f *fakeCA) *http.Response { return orderAt(f, f.base+"/authz/1", f.base+"/authz/2") }), "found 2 authorizations"},
		"another's authz":  {onAuthz(func(a map[string]any) { a["identifier"] = map[string]any{"type": "dns", "value": "evil.example"} }), "evil.example"},
		"no challenges":    {onAuthz(func(a map[string]any) { a["challenges"] = nil }), "does not offer"},
		"endless answer":   {onPath("new-order", func(*fakeCA) *http.Response { return endless() }), "longer than"},
		"pending for ever": {onAuthz(func(a map[string]any) { a["status"] = "pending" }), "took too long"},
		"no JSON":          {onPath("new-order", func(*fakeCA) *http.Response { return reply(200, "x") }), "JSON"},
	} {
		t.Run(name, func(t *testing.T) {
			trials(t, func(f *fakeCA, v *Values, _ *Config) {
				c.ca(f)
				v.Challenges = v.Challenges[:1]
			}, func(r *trial) {
				r.start()
				r.pass(tryTime)
				if s := r.one(); s.Obtained != 0 || s.Failures == 0 || !strings.Contains(s.Err, c.want) || len(s.Err) > maxShown+10 {
					t.Errorf("status %+v, expected an error with %q", s, c.want)
				}
				if r.changes != 0 {
					t.Error("a certificate came into use")
				}
			})
		})
	}
}

func pemReply(kind string) *http.Response {
	resp := reply(200, nil)
	resp.Header.Set("Content-Type", "application/pem-certificate-chain")
	text := ""
	if kind != "" {
		text = "-----BEGIN " + kind + "-----\nAAAA\n-----END " + kind + "-----\n"
	}
	resp.Body = io.NopCloser(strings.NewReader(text))
	return resp
}

func orderAt(f *fakeCA, authz ...string) *http.Response {
	f.hosts["1"] = "one.example"
	o := f.order("1")
	o["authorizations"] = authz
	resp := reply(201, o)
	resp.Header.Set("Location", f.base+"/order/1")
	return resp
}

func endless() *http.Response {
	resp := reply(200, nil)
	resp.Body = io.NopCloser(spaces{})
	return resp
}

type spaces struct{}

func (spaces) Read(p []byte) (int, error) { return copy(p, bytes.Repeat([]byte(" "), len(p))), nil }

// full is a storage in which certificates cannot be stored for a while.
type full struct {
	storage.Storage
	is atomic.Bool
}

func (f *full) Store(ctx context.Context, key string, value []byte) error {
	if f.is.Load() && strings.HasSuffix(key, ".pem") {
		return errors.New("no space left")
	}
	return f.Storage.Store(ctx, key, value)
}

// TestFullStorage checks that a certificate serves that cannot be stored, and
// that it is stored later without another order.
func TestFullStorage(t *testing.T) {
	disk := &full{}
	disk.is.Store(true)
	trials(t, func(_ *fakeCA, v *Values, c *Config) {
		disk.Storage = storage.Folder(v.Storage)
		c.Storage = disk
	}, func(r *trial) {
		r.start()
		if s := r.one(); s.Obtained != 1 || r.changes != 1 {
			t.Errorf("status %+v, %d changes", s, r.changes)
		}
		r.pass(time.Hour)
		disk.is.Store(false)
		r.pass(savePeriod + time.Second)
		if cert, err := r.loadBundle(t.Context(), "one.example"); cert == nil || err != nil || r.ca.requests("new-order") != 1 {
			t.Errorf("stored %v, %v after %d orders", cert != nil, err, r.ca.requests("new-order"))
		}
		if n := strings.Count(r.log.String(), "no space left"); n < 6 || n > 8 {
			t.Errorf("the log says so %d times in an hour", n)
		}
	})
}

// TestStopsInOrder ends a manager in the middle of an order.
func TestStopsInOrder(t *testing.T) {
	trials(t, nil, func(r *trial) {
		r.ca.change = func(path string, _ map[string]any) *http.Response {
			if path == "authz" {
				a := r.ca.authz("1")
				a["status"] = "pending"
				return reply(200, a)
			}
			return nil
		}
		r.start()
		if len(r.board.open) != 1 {
			t.Fatalf("%d challenges in progress, expected 1", len(r.board.open))
		}
		began := time.Now()
		r.stop()
		if took := time.Since(began); took > 0 {
			t.Errorf("the end took %v of virtual time", took)
		}
		if strings.Contains(r.log.String(), "not obtained") {
			t.Error("the end is logged as a failure")
		}
	})
}
