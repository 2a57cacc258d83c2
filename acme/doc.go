// Package acme obtains certificates from a certificate authority by the ACME
// protocol and renews them (RFC 8555, RFC 8737 for tls-alpn-01, RFC 9773 for
// renewal information).
//
//	m, err := acme.New(values, acme.Config{Log: log, OnChange: use})
//	err = m.Load(ctx) // before listening: what is in storage is used at once
//	go m.Run(ctx)     // obtains and renews until ctx ends
//
//	body, ok := m.HTTP01(host, path) // the plain listener asks this before routing
//	cert, err := m.TLSALPN(hello)    // the TLS listener asks this for "acme-tls/1"
//
// The walk: New checks the options, which say everything that can be known
// before a request (a wildcard, terms not agreed to, a CA file that is garbage).
// Load reads the certificates of all hosts from the storage. Run gives every
// host a goroutine (tend): it sleeps until the certificate is due, takes the
// host's lock in the storage, looks whether another process has renewed
// meanwhile, and places an order (obtain): account, order, one challenge on the
// board, certificate, storage. OnChange then gets the whole set. What goes wrong
// is logged with the CA's own words and with what to do, and tried again later,
// ever more rarely.
//
// It promises: obtaining never holds up the start, and one host never another
// (a few orders at a time, each with an end); the last certificate serves until
// a better one is there, even past its end; a certificate is only used when its
// key is ours, it names the host, and it has not ended; a stored value that
// cannot be read is kept aside and obtained anew; challenges are answered only
// for hosts whose order is in progress, and nothing a client sends is kept. The
// CA is reached by HTTPS alone, and what it sends is bounded in size, number and
// time. Keys of accounts and certificates and the EAB key are in no log and no
// error.
//
// The protocol's messages come from github.com/mholt/acmez/v3/acme: it has
// renewal information, no goroutines, no logging of its own when it gets no
// logger, and 120 KB. certmagic, made by the same people to manage certificates
// too, keeps its state, its job queue and goroutines that do not end in package
// variables, opens listeners of its own for the challenges, and takes 2.4 MB.
// golang.org/x/crypto/acme knows no renewal information and cannot say which
// certificate an order replaces. One thing in acmez outlives a Manager: it
// remembers the directories of CAs for 12 hours.
//
// It does not do dns-01, so no wildcards; one certificate has one name. Other
// processes with the same storage share certificates, account and locks, but not
// open challenges: the CA must reach the process that ordered. It answers no
// challenge by itself and knows no listener.
//
// Start reading at Manager.Run, then tend and obtain.
package acme
