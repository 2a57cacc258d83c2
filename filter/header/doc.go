// Package header holds the filters that change header fields.
//
// The walk: each file declares one filter for requests and its twin for
// responses; field.go has what they share, the name and the value to write.
//
// It promises: a value that a placeholder misses is not written; no client can
// add a field or a line of its own, because a value with control characters is
// not written either; fields that say where a message ends cannot be set. To
// write the Host of a request is to choose the Host that the backend sees.
//
// It does not touch the framing and connection fields: those belong to the
// connections.
//
// Start reading at field.go.
package header
