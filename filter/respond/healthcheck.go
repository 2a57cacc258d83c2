package respond

import (
	"net/http"

	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/filter"
)

var _ = filter.Define(filter.Def{
	Name:      "healthcheck",
	Doc:       "makes the status of the response 200",
	Example:   `alive: Path("/alive") -> healthcheck() -> <shunt>;`,
	Shareable: true,
	New: func(arg.Values, *filter.Env) (filter.Filter, error) {
		return &status{code: http.StatusOK}, nil
	},
})
