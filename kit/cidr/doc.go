// Package cidr answers whether an address is in a list of networks.
//
// A Set is made once from networks and addresses, and read many times: networks
// are turned into ranges, overlapping and adjacent ones become one, and a
// question is a binary search. A list of ten thousand networks costs about as
// many comparisons as its logarithm, no allocation and 8 bytes (IPv4) or 32
// bytes (IPv6) for each range.
//
// Start reading at Set.
package cidr
