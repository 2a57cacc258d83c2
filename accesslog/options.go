package accesslog

import (
	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/option"
)

// Options are the settings of this package (spec 1.8, Logs).
var Options = option.Define("accesslog", Values{})

// Values are the settings and their types.
type Values struct {
	File       string `flag:"access-log" doc:"file for the access log; the default is standard error"`
	Disabled   bool   `flag:"access-log-disabled" doc:"log only what the filter enableAccessLog asks for"`
	JSON       bool   `flag:"access-log-json-enabled" doc:"write the access log as JSON, one object a line"`
	StripQuery bool   `flag:"access-log-strip-query" doc:"leave queries out of the access log"`
}

// Wanted reports whether an exchange that was answered with status is logged,
// given what the filters of its route said. A filter that names statuses
// decides about all: enableAccessLog(5) logs 500 to 599 and nothing else,
// disableAccessLog(200) logs everything but 200.
func (l *Log) Wanted(a *filter.AccessLog, status int) bool {
	if l == nil {
		return false
	}
	if a.Enabled == filter.Default {
		return !l.disabled
	}
	on := a.Enabled == filter.On
	if len(a.Prefixes) == 0 {
		return on
	}
	for _, p := range a.Prefixes {
		if hasPrefix(status, p) {
			return on
		}
	}
	return !on
}

// hasPrefix reports whether the decimal digits of status start with those of
// prefix.
func hasPrefix(status, prefix int) bool {
	switch {
	case prefix < 10:
		return status/100 == prefix
	case prefix < 100:
		return status/10 == prefix
	}
	return status == prefix
}
