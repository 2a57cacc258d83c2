package acme

import (
	"bytes"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"fairlead.dev/fairlead/kit/certtest"
)

// fakeCA is a certificate authority behind a RoundTripper, for what Pebble
// cannot show: virtual time, refusals on demand and a CA that misbehaves. It
// checks nonces, URLs and the order of the steps, but no signatures: Pebble does
// (see judges).
type fakeCA struct {
	t    *testing.T
	base string
	ca   *certtest.CA
	life time.Duration
	back time.Duration // how long before now certificates begin

	// down makes every request fail. change may answer in place of the CA.
	down   bool
	change func(path string, payload map[string]any) *http.Response
	// window answers questions when to renew; nil: the CA does not offer them.
	window func() (start, end time.Time)
	// prove looks for the answer to a challenge.
	prove func(kind, host, token string) bool
	// issue changes the template before it is signed.
	issue func(*x509.Certificate)

	mu     sync.Mutex
	nonces map[string]bool
	n      int
	hosts  map[string]string // order number -> host
	valid  map[string]bool
	certs  map[string][]byte
	count  map[string]int // first part of the path -> requests
}

func newFakeCA(t *testing.T) *fakeCA {
	return &fakeCA{
		t: t, ca: certtest.New(t, "fake"), life: 90 * 24 * time.Hour,
		base:   fmt.Sprintf("https://ca-%s.test", strings.ToLower(rand.Text()[:8])),
		prove:  func(string, string, string) bool { return true },
		nonces: map[string]bool{}, hosts: map[string]string{}, valid: map[string]bool{},
		certs: map[string][]byte{}, count: map[string]int{},
	}
}

func (f *fakeCA) requests(path string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.count[path]
}

func (f *fakeCA) set(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
}

func (f *fakeCA) RoundTrip(r *http.Request) (*http.Response, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	if f.down {
		return nil, errors.New("connection refused")
	}
	path, id, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	f.count[path]++
	var payload map[string]any
	if r.Method == http.MethodPost {
		var bad *http.Response
		if payload, bad = f.open(r); bad != nil {
			return bad, nil
		}
	}
	var resp *http.Response
	if f.change != nil {
		resp = f.change(path, payload)
	}
	if resp == nil {
		resp = f.answer(path, id, payload)
	}
	f.n++
	nonce := "nonce" + strconv.Itoa(f.n)
	f.nonces[nonce] = true
	resp.Header.Set("Replay-Nonce", nonce)
	return resp, nil
}

// open reads a signed request (RFC 8555 section 6.2 to 6.5).
func (f *fakeCA) open(r *http.Request) (map[string]any, *http.Response) {
	var jws struct{ Protected, Payload, Signature string }
	var head struct {
		Nonce, URL, Kid string
		JWK             any
	}
	body, err := io.ReadAll(r.Body)
	if err == nil {
		err = json.Unmarshal(body, &jws)
	}
	if err == nil {
		err = json.Unmarshal(unbase64(jws.Protected), &head)
	}
	if err != nil || head.URL != r.URL.String() || (head.Kid == "") == (head.JWK == nil) || jws.Signature == "" {
		f.t.Errorf("request %s: %v, head %+v", r.URL, err, head)
	}
	if !f.nonces[head.Nonce] {
		return nil, refuse(400, "badNonce", "no such nonce")
	}
	delete(f.nonces, head.Nonce)
	var payload map[string]any
	if text := unbase64(jws.Payload); len(text) > 0 {
		if err := json.Unmarshal(text, &payload); err != nil {
			f.t.Errorf("payload %q: %v", text, err)
		}
	}
	return payload, nil
}

func unbase64(text string) []byte {
	out, _ := base64.RawURLEncoding.DecodeString(text)
	return out
}

func (f *fakeCA) answer(path, id string, payload map[string]any) *http.Response {
	switch path {
	case "dir":
		dir := map[string]any{"newNonce": f.base + "/nonce", "newAccount": f.base + "/account", "newOrder": f.base + "/new-order"}
		if f.window != nil {
			dir["renewalInfo"] = f.base + "/ari"
		}
		return reply(200, dir)
	case "nonce":
		return reply(200, map[string]any{})
	case "account":
		resp := reply(201, map[string]any{"status": "valid"})
		resp.Header.Set("Location", f.base+"/a/"+strconv.Itoa(f.count["account"]))
		return resp
	case "new-order":
		id = strconv.Itoa(f.count["new-order"])
		f.hosts[id] = payload["identifiers"].([]any)[0].(map[string]any)["value"].(string)
		resp := reply(201, f.order(id))
		resp.Header.Set("Location", f.base+"/order/"+id)
		return resp
	case "authz":
		return reply(200, f.authz(id))
	case "challenge":
		kind, number, _ := strings.Cut(id, "/")
		f.valid[number] = f.prove(kind, f.hosts[number], "token"+number)
		f.valid["tried"+number] = true
		return reply(200, map[string]any{"type": kind, "status": "processing"})
	case "finalize":
		if !f.valid[id] {
			return refuse(403, "orderNotReady", "prove the host first")
		}
		f.certs[id] = f.sign(unbase64(payload["csr"].(string)))
		return reply(200, f.order(id))
	case "cert":
		resp := reply(200, nil)
		resp.Header.Set("Content-Type", "application/pem-certificate-chain")
		resp.Body = io.NopCloser(bytes.NewReader(f.certs[id]))
		return resp
	case "ari":
		start, end := f.window()
		return reply(200, map[string]any{"suggestedWindow": map[string]any{"start": start, "end": end}})
	}
	return refuse(404, "malformed", "no such resource")
}

func (f *fakeCA) order(id string) map[string]any {
	o := map[string]any{
		"status": "pending", "identifiers": []any{map[string]any{"type": "dns", "value": f.hosts[id]}},
		"authorizations": []string{f.base + "/authz/" + id}, "finalize": f.base + "/finalize/" + id,
	}
	if f.certs[id] != nil {
		o["status"], o["certificate"] = "valid", f.base+"/cert/"+id
	}
	return o
}

func (f *fakeCA) authz(id string) map[string]any {
	status, problem := "pending", any(nil)
	if f.valid[id] {
		status = "valid"
	} else if f.valid["tried"+id] {
		status = "invalid"
		problem = map[string]any{"type": "urn:ietf:params:acme:error:connection", "detail": "nobody\nthere", "status": 400}
	}
	var challenges []any
	for _, kind := range []string{"dns-01", tlsALPN01, http01} {
		challenges = append(challenges, map[string]any{
			"type": kind, "url": f.base + "/challenge/" + kind + "/" + id, "token": "token" + id, "error": problem,
			"keyAuthorization": "text of the CA's choice",
		})
	}
	return map[string]any{
		"status": status, "challenges": challenges,
		"identifier": map[string]any{"type": "dns", "value": f.hosts[id]},
	}
}

func (f *fakeCA) sign(der []byte) []byte {
	csr, err := x509.ParseCertificateRequest(der)
	if err != nil {
		f.t.Fatal(err)
	}
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		f.t.Fatal(err)
	}
	begin := time.Now().Add(-f.back)
	template := &x509.Certificate{SerialNumber: serial, NotBefore: begin, NotAfter: begin.Add(f.life), DNSNames: csr.DNSNames}
	if f.issue != nil {
		f.issue(template)
	}
	out, err := x509.CreateCertificate(rand.Reader, template, f.ca.TLS.Leaf, csr.PublicKey, f.ca.TLS.PrivateKey)
	if err != nil {
		f.t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: out})
}

func reply(status int, body any) *http.Response {
	text, err := json.Marshal(body)
	if err != nil {
		panic(err)
	}
	return &http.Response{
		StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}},
		Body: io.NopCloser(bytes.NewReader(text)),
	}
}

func refuse(status int, kind, detail string) *http.Response {
	resp := reply(status, map[string]any{"type": "urn:ietf:params:acme:error:" + kind, "detail": detail, "status": status})
	resp.Header.Set("Content-Type", "application/problem+json")
	return resp
}

// alpnHello is the ClientHello of a CA.
func alpnHello(host string) *tls.ClientHelloInfo {
	return &tls.ClientHelloInfo{ServerName: host, SupportedProtos: []string{alpnProtocol}}
}
