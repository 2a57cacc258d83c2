package egress

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/message"
	"fairlead.dev/fairlead/option"
)

// Options of the family.
var Options = option.Define("filter/egress", Values{SignedBody: 1 << 20})

// Values are the options of the family.
type Values struct {
	SignedBody int64 `flag:"aws-sigv4-max-body" doc:"longest body in bytes that awsSigv4 keeps in memory to sign it; a longer one is answered 413"`
}

var _ = filter.Define(filter.Def{
	Name: "awsSigv4",
	Params: []arg.Param{
		{Name: "service", Type: arg.Text},
		{Name: "region", Type: arg.Text},
		{Name: "disable header hoisting", Type: arg.Bool},
		{Name: "disable path escaping", Type: arg.Bool},
		{Name: "disable session token", Type: arg.Bool},
	},
	Doc:       "signs the request for AWS (Signature Version 4) with the credentials in its fields X-Amz-Accesskey, X-Amz-Secret and X-Amz-Session, as of X-Amz-Time",
	Example:   `* -> setRequestHeader("X-Amz-Accesskey", "AKID") -> setRequestHeader("X-Amz-Secret", "secret") -> awsSigv4("dynamodb", "us-east-1", "false", "false", "true") -> "https://dynamodb.us-east-1.amazonaws.com"`,
	Differs:   "A request that cannot be signed is answered 401 and not sent without a signature, and its credentials are dropped whatever happens. X-Amz-Time may be left out, and means now; so may the session token, which only temporary credentials have. The Host that is signed is the one that is sent: that of a filter before, or service.region.amazonaws.com. Only Host, Content-Type, Content-MD5, Content-Length and X-Amz-* are signed, so that filters and proxies on the way may change the others. A body is kept in memory up to -aws-sigv4-max-body; with X-Amz-Content-Sha256 in the request it is not read at all. Header hoisting is for URLs that are signed, which the filter does not do: the argument has no effect.",
	Shareable: true,
	New: func(v arg.Values, env *filter.Env) (filter.Filter, error) {
		for i := range 2 {
			if v.Text(i) == "" || strings.Trim(v.Text(i), "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
				return nil, v.Wrong(i, "found %q, expected lower case letters, digits and dashes, as in us-east-1", v.Text(i))
			}
		}
		plain, bare := v.Bool(3), v.Bool(4)
		most := int64(1 << 20)
		if env.Options != nil {
			most = Options.From(env.Options).SignedBody
		}
		return &awsSigV4{
			service: v.Text(0), region: v.Text(1), bare: bare, most: most,
			signer: v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping, o.DisableSessionToken = plain, bare }),
		}, nil
	},
})

type awsSigV4 struct {
	filter.RequestOnly
	service, region string
	bare            bool // no session token
	most            int64
	signer          *v4.Signer
}

// The fields that credentials come in (as with the peer).
const (
	accessKeyField = "X-Amz-Accesskey"
	secretField    = "X-Amz-Secret"
	sessionField   = "X-Amz-Session"
	timeField      = "X-Amz-Time"
	hashField      = "X-Amz-Content-Sha256"
)

// Request signs the request.
func (f *awsSigV4) Request(c *filter.Context) {
	creds, at, err := f.credentials(&c.Request.Header)
	if err != nil {
		c.Refuse(message.ReasonUnauthorized)
		return
	}
	hash, why := f.hash(c.Request)
	if why != message.ReasonNone {
		c.Refuse(why)
		return
	}
	signed, err := f.sign(c, creds, hash, at)
	if err != nil {
		c.Refuse(message.ReasonBadTarget)
		return
	}
	h := &c.Request.Header
	h.Del("X-Amz-Security-Token") // of the client's
	for _, name := range [...]string{"Authorization", "X-Amz-Date", "X-Amz-Security-Token", hashField} {
		if v := signed.Header.Get(name); v != "" {
			h.Set(name, v)
		}
	}
	h.Set("Host", signed.Host)
	c.Upstream.Host, c.Request.Query = signed.Host, signed.URL.RawQuery
}

// credentials takes the credentials out of h.
func (f *awsSigV4) credentials(h *message.Header) (creds aws.Credentials, at time.Time, err error) {
	take := func(name string) string {
		v := strings.Clone(h.Get(name))
		h.Del(name)
		return v
	}
	creds = aws.Credentials{AccessKeyID: take(accessKeyField), SecretAccessKey: take(secretField), SessionToken: take(sessionField)}
	when := take(timeField)
	if creds.AccessKeyID == "" || creds.SecretAccessKey == "" {
		return creds, at, errors.New("the request has no credentials")
	}
	if f.bare {
		creds.SessionToken = ""
	}
	if when == "" {
		return creds, time.Now(), nil
	}
	at, err = time.Parse(time.RFC3339, when)
	return creds, at, err
}

// unsigned is what a request says whose body is not signed.
const unsigned = "UNSIGNED-PAYLOAD"

// hash returns the SHA-256 hash of the body, or what the request says that it is.
func (f *awsSigV4) hash(r *message.Request) (string, message.Reason) {
	if said := strings.Clone(r.Header.Get(hashField)); said != "" {
		if _, err := hex.DecodeString(said); said != unsigned && (err != nil || len(said) != 2*sha256.Size) {
			return "", message.ReasonBadHeaderValue
		}
		return said, message.ReasonNone
	}
	if r.Body == nil {
		return hashOf(nil), message.ReasonNone
	}
	if r.ContentLength > f.most {
		return "", message.ReasonPayloadTooLarge
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, f.most+1))
	if closer, ok := r.Body.(io.Closer); ok {
		_ = closer.Close() // all of it was read, or nobody will
	}
	var known *filter.BodyError
	switch {
	case errors.As(err, &known):
		return "", known.Reason
	case err != nil:
		return "", message.ReasonBodyCut
	case int64(len(body)) > f.most:
		return "", message.ReasonPayloadTooLarge
	}
	r.SetBody(bytes.NewReader(body), int64(len(body)))
	return hashOf(body), message.ReasonNone
}

func hashOf(body []byte) string {
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:])
}

// sign returns the request as AWS will see it, signed.
func (f *awsSigV4) sign(c *filter.Context, creds aws.Credentials, hash string, at time.Time) (*http.Request, error) {
	m := c.Request
	if _, err := url.ParseQuery(m.Query); err != nil {
		return nil, fmt.Errorf("query: %w", err)
	}
	r := &http.Request{
		Method: m.Method, Host: f.host(c), Header: http.Header{}, ContentLength: m.ContentLength,
		URL: &url.URL{Scheme: "https", Path: m.Path, RawPath: strings.Clone(m.RawPath), RawQuery: strings.Clone(m.Query)},
	}
	r.URL.Host = r.Host
	for _, field := range m.Header.Fields() {
		if name := http.CanonicalHeaderKey(field.Name); isSigned(name) {
			r.Header[name] = append(r.Header[name], strings.Clone(field.Value))
		}
	}
	r.Header.Set(hashField, hash)
	return r, f.signer.SignHTTP(c.Context(), creds, r, hash, f.service, f.region, at)
}

// isSigned reports whether the field called name belongs to what is signed.
func isSigned(name string) bool {
	switch name {
	case "Content-Type", "Content-Md5":
		return true
	case "X-Amz-Date", "X-Amz-Security-Token":
		return false // the signer's own
	}
	return strings.HasPrefix(name, "X-Amz-")
}

// host returns the Host that AWS is asked for.
func (f *awsSigV4) host(c *filter.Context) string {
	switch {
	case c.Upstream.Host != "":
		return strings.Clone(c.Upstream.Host)
	case c.Upstream.PreserveHost == filter.On && c.Request.Host != "":
		return strings.Clone(c.Request.Host)
	}
	return f.service + "." + f.region + ".amazonaws.com"
}
