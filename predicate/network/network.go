package network

import (
	"net/netip"

	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/kit/cidr"
	"fairlead.dev/fairlead/message"
	"fairlead.dev/fairlead/predicate"
)

var _ = define(
	"Source",
	"the first address in X-Forwarded-For, or else that of the connection, is in one of these networks",
	`office: Source("192.0.2.0/24", "2001:db8::/32") -> "http://intern.example.org";`,
	believed,
	(*message.Request).Source,
)

var _ = define(
	"SourceFromLast",
	"the last address in X-Forwarded-For, or else that of the connection, is in one of these networks",
	`office: SourceFromLast("192.0.2.0/24", "2001:db8::/32") -> "http://intern.example.org";`,
	believed,
	(*message.Request).SourceFromLast,
)

var _ = define(
	"ClientIP",
	"the address of the connection is in one of these networks",
	`local: ClientIP("127.0.0.1", "::1") -> "http://intern.example.org";`,
	"",
	(*message.Request).ClientIP,
)

// believed is how Source and SourceFromLast differ from Skipper's.
const believed = "X-Forwarded-For counts only when it comes from a client in the networks of -trusted-proxies: anybody can write it. An entry that is no address matches no network."

// define declares the predicate that asks whether the address which address
// finds is in one of the networks of its arguments.
func define(name, doc, example, differs string, address func(*message.Request) netip.Addr) *predicate.Def {
	return predicate.Define(predicate.Def{
		Name:    name,
		Params:  []arg.Param{{Name: "network", Type: arg.CIDR, Many: true}},
		Doc:     doc,
		Example: example,
		Differs: differs,
		New: func(v arg.Values, _ *predicate.Env) (predicate.Predicate, error) {
			networks, err := cidr.Parse(v.Texts(0))
			if err != nil {
				return nil, err
			}
			return within{networks, address}, nil
		},
	})
}

type within struct {
	networks *cidr.Set
	address  func(*message.Request) netip.Addr
}

// Match implements predicate.Predicate.
func (w within) Match(r *message.Request) bool { return w.networks.Contains(w.address(r)) }
