// Package pool dials backends and keeps idle connections to them.
//
// Dialer opens a connection to an endpoint, with TLS where the scheme asks for
// it. Idle is the stack of idle connections of one endpoint: the one used last
// is used first, so that the others can grow old and be closed. Limit bounds
// all stacks together.
//
// It does not know what is spoken on a connection.
package pool
