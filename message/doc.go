// Package message holds the nouns that pass through the proxy: requests,
// responses, their header fields, and the closed list of reasons for which
// Fairlead itself answers.
//
// It does no I/O. Field order and spelling are kept; strings that come from a
// connection are views into its buffer and end with the exchange.
//
// Start reading at Request.
package message
