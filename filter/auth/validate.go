package auth

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"

	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/issuer"
)

var (
	// errOffline says that routes are only checked here.
	errOffline = errors.New("nobody can be asked where routes are only checked")
	// errMissing says that a secret is gone that was there when the route was built.
	errMissing = errors.New("a secret is missing")
)

var _ = filter.Define(filter.Def{
	Name:   "oauthTokeninfoValidate",
	Params: []arg.Param{{Name: "config", Type: arg.Text}},
	Doc:    "lets requests pass whose token the service of -oauth2-tokeninfo-url knows; the argument is YAML with optOutAnnotations, optOutHosts and unauthorizedResponse",
	Example: `public: Path("/public") -> annotate("oauth.disabled", "anybody may") -> oauthTokeninfoValidate("{optOutAnnotations: [oauth.disabled]}") -> "http://127.0.0.1:8080";
all: * -> oauthTokeninfoValidate("{optOutAnnotations: [oauth.disabled], unauthorizedResponse: 'Log in first'}") -> "http://127.0.0.1:8080"`,
	Differs:   tokeninfoDiffers + "; unknown keys of the YAML are errors",
	Shareable: true,
	New: func(v arg.Values, env *filter.Env) (filter.Filter, error) {
		f := &validate{}
		if err := readYAML(v, &f.config, &f.config.optOut); err != nil {
			return nil, err
		}
		var err error
		f.service, err = tokeninfoService(env)
		return f, err
	},
})

// optOut says for which requests a filter does nothing.
type optOut struct {
	Annotations []string `yaml:"optOutAnnotations"`
	Hosts       []string `yaml:"optOutHosts"`
	States      []string `yaml:"optOutStateBag"`

	hosts []*regexp.Regexp
}

// readYAML reads the first argument into config; o is the part of it that says who
// is left out.
func readYAML(v arg.Values, config any, o *optOut) error {
	d := yaml.NewDecoder(strings.NewReader(v.Text(0)))
	d.KnownFields(true)
	if err := d.Decode(config); err != nil && !errors.Is(err, io.EOF) {
		return v.Wrong(0, "found YAML that cannot be read: %s", oneLine(err))
	}
	if err := d.Decode(new(any)); !errors.Is(err, io.EOF) {
		return v.Wrong(0, "found more than one YAML document, expected one")
	}
	for _, text := range o.Hosts {
		rx, err := compile(text)
		if err != nil {
			return v.Wrong(0, "optOutHosts: %w", err)
		}
		o.hosts = append(o.hosts, rx)
	}
	return nil
}

// compile checks a regular expression as it would be as an argument of its own.
func compile(text string) (*regexp.Regexp, error) {
	const most = 4 << 10
	if len(text) > most {
		return nil, fmt.Errorf("found a regular expression of %d bytes, expected at most %d", len(text), most)
	}
	rx, err := regexp.Compile(text)
	if err != nil {
		return nil, fmt.Errorf("found %q, which is no regular expression: %w", text, err)
	}
	return rx, nil
}

// oneLine is the text of an error of the YAML library, whose lines are many.
func oneLine(err error) string {
	text := bytes.Join(bytes.Fields([]byte(err.Error())), []byte(" "))
	return strings.ToValidUTF8(strings.TrimSuffix(string(text), "."), "?")
}

// applies reports whether the request is left out.
func (o *optOut) applies(c *filter.Context) bool {
	for _, key := range o.Annotations {
		if _, ok := filter.Annotation(c, key); ok {
			return true
		}
	}
	for _, key := range o.States {
		if known(c, key) {
			return true
		}
	}
	for _, rx := range o.hosts {
		if rx.MatchString(c.Request.Host) {
			return true
		}
	}
	return false
}

// known reports whether a filter said something under a name that routes know from
// Skipper.
func known(c *filter.Context, name string) bool {
	ok := false
	switch name {
	case "tokeninfo":
		_, ok = issuer.Tokeninfo.Get(c)
	case "tokenintrospection":
		_, ok = issuer.Introspection.Get(c)
	case "oidcclaimscachekey":
		_, ok = issuer.Identity.Get(c)
	default:
		_, ok = filter.State(c, name)
	}
	return ok
}

type validate struct {
	filter.RequestOnly
	service *issuer.Service
	config  struct {
		optOut   `yaml:",inline"`
		Response string `yaml:"unauthorizedResponse"`
	}
}

func (f *validate) Request(c *filter.Context) {
	if _, ok := issuer.Tokeninfo.Get(c); ok || f.config.applies(c) {
		return
	}
	token, ok := bearer(c)
	if !ok {
		f.refuse(c, missingBearerToken)
		return
	}
	claims, err := ask(c, f.service, token)
	switch {
	case errors.Is(err, issuer.ErrToken):
		f.refuse(c, invalidToken)
	case err != nil:
		unavailable(c)
	default:
		accept(c, subject(claims, f.service))
		issuer.Tokeninfo.Set(c, claims)
	}
}

func (f *validate) refuse(c *filter.Context, r rejection) {
	resp := unauthorized(c, "", r)
	if f.config.Response != "" {
		resp.SetBody(strings.NewReader(f.config.Response), int64(len(f.config.Response)))
	}
}
