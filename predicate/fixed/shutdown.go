package fixed

import (
	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/message"
	"fairlead.dev/fairlead/predicate"
)

var _ = predicate.Define(predicate.Def{
	Name: "Shutdown",
	Doc:  "the process was asked to end and only finishes its work",
	Example: `down: Path("/health") && Shutdown() -> status(503) -> <shunt>;
up: Path("/health") -> status(200) -> <shunt>;`,
	New: func(arg.Values, *predicate.Env) (predicate.Predicate, error) { return shutdown{}, nil },
})

type shutdown struct{}

// Match implements predicate.Predicate.
func (shutdown) Match(r *message.Request) bool { return r.ShuttingDown }
