// Package forwarded holds the predicates on the standard field Forwarded (RFC
// 7239): ForwardedHost and ForwardedProtocol.
//
// Both look at what the nearest proxy wrote: the last host or proto of the last
// field. A field that does not follow the grammar matches nothing, because then
// it is not certain which part the nearest proxy wrote.
//
// Start reading at last.
package forwarded
