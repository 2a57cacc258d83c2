package http1

import (
	"errors"

	"fairlead.dev/fairlead/message"
)

// errIncomplete says that more input is needed; it never leaves the package.
var errIncomplete = errors.New("incomplete")

// errHTTP2 says that the input is HTTP/2; it never leaves the package.
var errHTTP2 = errors.New("HTTP/2")

func bad(reason message.Reason, detail string, args ...any) error {
	return message.Malformed(reason, detail, args...)
}
