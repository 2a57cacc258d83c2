package secrets

import (
	"time"

	"fairlead.dev/fairlead/option"
)

// Values are the options of secrets (spec 1.8: auth).
type Values struct {
	Paths    []string      `flag:"credentials-paths" doc:"files and folders with secrets that filters such as bearerinjector use, one secret a file; its name is the path of its file"`
	Interval time.Duration `flag:"credentials-update-interval" doc:"how often the files of -credentials-paths are read again"`
}

// Options declares the options of secrets.
var Options = option.Define("secrets", Values{Interval: 10 * time.Minute})
