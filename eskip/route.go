package eskip

// Route is one route of the route language: when it applies (Predicates),
// what it changes (Filters) and where the request goes (Backend).
type Route struct {
	// ID names the route. Empty for a lone route expression.
	ID         string
	Predicates []Call
	Filters    []Call
	Backend    Backend

	// Pos says where the definition starts. It is not part of the route's
	// identity: Equal and Print ignore it.
	Pos Pos
}

// Call is one predicate or one filter: a name and its arguments.
type Call struct {
	Name string
	Args []Arg

	// Pos says where the name stands; not part of the identity.
	Pos Pos
}

// Pos is a place in a document. The zero Pos means "not from a document".
type Pos struct {
	File string // "" for inline text
	Line int32  // from 1
	Col  int32  // in bytes, from 1
}

// ArgKind tells the two kinds of arguments that the language knows. A regular
// expression literal is a String once parsed (spec 1.5).
type ArgKind uint8

// The kinds of arguments.
const (
	StringArg ArgKind = iota
	NumberArg
)

// Arg is one argument of a predicate or a filter. Args compare with ==.
type Arg struct {
	Kind   ArgKind
	Text   string  // for StringArg
	Number float64 // for NumberArg
}

// String returns a string argument.
func String(s string) Arg { return Arg{Kind: StringArg, Text: s} }

// Number returns a number argument.
func Number(n float64) Arg { return Arg{Kind: NumberArg, Number: n} }

// BackendType says what a Backend is.
type BackendType uint8

// The backend types of the language (spec 1.4).
const (
	Network  BackendType = iota // one address
	Shunt                       // answered by the filters, or by the default status
	Loopback                    // routed again after the filters ran
	Dynamic                     // the filters choose the address
	Forward                     // the address of -forward-backend-url
	LB                          // several endpoints and an algorithm
)

// Backend is where a route sends its requests.
type Backend struct {
	Type BackendType
	// Address is the URL of a Network backend.
	Address string
	// Algorithm names the load balancing algorithm of an LB backend; empty
	// means the default.
	Algorithm string
	// Endpoints of an LB backend, in document order.
	Endpoints []Endpoint
}

// Endpoint is one member of an LB backend.
type Endpoint struct {
	Address string // scheme://host[:port]
	Zone    string // availability zone, "" when unknown; "?zone=" in the text form
}
