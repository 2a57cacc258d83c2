// Package header holds the predicates on the header fields of a request:
// Header, HeaderRegexp and HeaderSHA256 on any field, Cookie on one cookie,
// OTelBaggage on one member of the baggage, ContentLengthBetween on the announced
// length of the body.
//
// Names of fields compare without regard to case, values byte for byte. A field
// that stands several times has several values.
//
// Start reading at exactly, in header.go.
package header
