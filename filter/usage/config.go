package usage

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"

	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/option"
)

// Values are the options of apiUsageMonitoring (spec 1.8).
type Values struct {
	Enable     bool           `flag:"enable-api-usage-monitoring" doc:"let apiUsageMonitoring count; without it the filter does nothing"`
	RealmKeys  []string       `flag:"api-usage-monitoring-realm-keys" doc:"claims of the bearer token that may name the realm of a client; none: clients are not told apart"`
	ClientKeys []string       `flag:"api-usage-monitoring-client-keys" doc:"claims of the bearer token that may name the client"`
	Realms     *regexp.Regexp `flag:"api-usage-monitoring-realms-tracking-pattern" doc:"realms whose clients are told apart"`
}

// Options declares the options of apiUsageMonitoring.
var Options = option.Define("api-usage-monitoring", Values{
	ClientKeys: []string{"sub"},
	Realms:     regexp.MustCompile("services"),
})

// api is one argument of the filter.
type api struct {
	Application string   `json:"application_id"`
	Tag         string   `json:"tag"`
	API         string   `json:"api_id"`
	Templates   []string `json:"path_templates"`
	Clients     *string  `json:"client_tracking_pattern"`
}

// mostTemplates bounds the templates of one filter: each costs the match of an
// expression.
const mostTemplates = 1000

// readAPI reads an argument.
func readAPI(text string) (a api, clients *regexp.Regexp, err error) {
	dec := json.NewDecoder(bytes.NewReader([]byte(text)))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&a); err != nil {
		return a, nil, fmt.Errorf("not a JSON object as it is expected: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return a, nil, errors.New("found something behind the JSON object, expected one object for each argument")
	}
	switch {
	case a.Application == "":
		return a, nil, errors.New("application_id is missing")
	case a.API == "":
		return a, nil, errors.New("api_id is missing")
	case len(a.Templates) == 0:
		return a, nil, errors.New("path_templates is missing")
	case len(a.Templates) > mostTemplates:
		return a, nil, fmt.Errorf("found %d path_templates, expected at most %d", len(a.Templates), mostTemplates)
	}
	pattern := ".*"
	if a.Clients != nil {
		pattern = *a.Clients
	}
	if pattern == "" {
		return a, nil, nil
	}
	if err := arg.CheckRegexp(pattern); err != nil {
		return a, nil, fmt.Errorf("client_tracking_pattern: %w", err)
	}
	if clients, err = regexp.Compile(pattern); err != nil {
		return a, nil, fmt.Errorf("client_tracking_pattern: %w", err)
	}
	return a, clients, nil
}
