package acme

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"sync"
	"time"

	"fairlead.dev/fairlead/kit/storage"
)

// maxOrders is how many orders are in progress at a time.
const maxOrders = 8

// Config is what a Manager gets from its surroundings. Everything may be zero.
type Config struct {
	// Storage keeps certificates and account; nil means files in -acme-storage.
	Storage storage.Storage
	// Log gets what happens; nil means nothing is logged.
	Log *slog.Logger
	// OnChange gets all certificates each time that one changes, one call at a
	// time: one certificate for a host that has any. It must not change them.
	OnChange func([]*tls.Certificate)
	// UserAgent goes to the CA in front of the library's; empty means fairlead.
	UserAgent string
	// Retry replaces Backoff.
	Retry func(failures int, refused bool) time.Duration
	// Transport replaces the connections to the CA.
	Transport http.RoundTripper
}

// Manager obtains certificates and renews them. Make it with New.
type Manager struct {
	values    Values
	folder    string // of this CA, in the storage
	storage   storage.Storage
	log       *slog.Logger
	onChange  func([]*tls.Certificate)
	userAgent string
	retry     func(int, bool) time.Duration
	transport http.RoundTripper
	slots     chan struct{} // one for each order in progress
	board     board
	hosts     []*host

	publishing sync.Mutex // orders the calls of onChange
}

// New checks the options and makes a Manager; nothing is read but the CA file.
// It is an error to call it while Values.On says that ACME is off.
func New(v Values, c Config) (*Manager, error) {
	if !v.On() {
		return nil, errors.New("acme: -acme-hosts names no host")
	}
	v, err := v.check()
	if err != nil {
		return nil, fmt.Errorf("acme: %w", err)
	}
	m := &Manager{
		values: v, folder: folderOf(v.Directory),
		storage: c.Storage, log: c.Log, onChange: c.OnChange,
		userAgent: c.UserAgent, retry: c.Retry, transport: c.Transport,
		slots: make(chan struct{}, maxOrders),
	}
	if m.transport == nil {
		if m.transport, err = newTransport(v.CAFile); err != nil {
			return nil, fmt.Errorf("acme: %w", err)
		}
	}
	m.fillIn()
	for _, name := range v.Hosts {
		m.hosts = append(m.hosts, &host{name: name})
	}
	return m, nil
}

func (m *Manager) fillIn() {
	if m.storage == nil {
		folder := m.values.Storage
		if folder == "" {
			folder = defaultFolder(os.Getenv)
		}
		m.storage = storage.Folder(folder)
	}
	if m.log == nil {
		m.log = slog.New(slog.DiscardHandler)
	}
	if m.onChange == nil {
		m.onChange = func([]*tls.Certificate) {}
	}
	if m.retry == nil {
		m.retry = Backoff
	}
	if m.userAgent == "" {
		m.userAgent = "fairlead"
	}
}

// Load takes the certificates of all hosts out of the storage, so that they
// serve before the first request, and reports them to OnChange if there are any.
// An error, which is logged by nobody else, means that the storage cannot be
// read; the hosts whose certificates could be read have them.
func (m *Manager) Load(ctx context.Context) error {
	var errs []error
	found := 0
	for _, h := range m.hosts {
		cert, err := m.loadBundle(ctx, h.name)
		if err != nil {
			errs = append(errs, err)
		}
		if cert != nil {
			h.use(cert)
			found++
		}
	}
	if found > 0 {
		m.publish()
	}
	m.log.Info("certificates loaded", "found", found, "hosts", len(m.hosts), "ca", m.values.Directory)
	return errors.Join(errs...)
}

// Run obtains the certificates that are missing and renews all of them in time,
// until ctx ends and everything it started has. It returns nil.
func (m *Manager) Run(ctx context.Context) error {
	var all sync.WaitGroup
	for _, h := range m.hosts {
		all.Go(func() { m.tend(ctx, h) })
	}
	all.Wait()
	if t, ok := m.transport.(interface{ CloseIdleConnections() }); ok {
		t.CloseIdleConnections()
	}
	return nil
}

// publish reports the certificates in use.
func (m *Manager) publish() {
	m.publishing.Lock()
	defer m.publishing.Unlock()
	var certs []*tls.Certificate
	for _, h := range m.hosts {
		if cert := h.inUse(); cert != nil {
			certs = append(certs, cert)
		}
	}
	m.onChange(certs)
}

// HTTP01 returns what the plain listener answers to a GET of the path with this
// Host field, as application/octet-stream with status 200; false means that the
// request is none of ours and goes on to the routes (RFC 8555 section 8.3).
func (m *Manager) HTTP01(host, path string) (body string, ok bool) {
	return m.board.http01(host, path)
}

// TLSALPN returns the certificate for the handshake of a client that offers
// "acme-tls/1" alone (RFC 8737 section 3). The listener must choose that
// protocol and close the connection after the handshake. The error is for a name
// without an open challenge.
func (m *Manager) TLSALPN(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	return m.board.tlsALPN(hello)
}

// Status is how it stands with one host.
type Status struct {
	Host string
	// NotBefore and NotAfter of the certificate in use; zero when there is none.
	NotBefore, NotAfter time.Time
	// Next is when something happens next: a try, or a question to the CA.
	Next time.Time
	// Failures is how many tries in a row have failed, and Err why the last did.
	Failures int
	Err      string
	// Obtained counts the certificates that this process got from the CA.
	Obtained int
}

// Status returns how it stands with each host, in the order of the option.
func (m *Manager) Status() []Status {
	all := make([]Status, len(m.hosts))
	for i, h := range m.hosts {
		all[i] = h.state()
	}
	return all
}
