package filter_test

import (
	"context"
	"errors"
	"net"
	"os"
	"testing"
)

// TestMain keeps the examples from asking name servers: they name hosts that are
// nobody's. What package net sets up with the first name it looks up is set up here,
// outside of the bubbles of synctest, one of which it would belong to otherwise.
func TestMain(m *testing.M) {
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		return nil, errors.New("tests ask no name server")
	}}
	if _, err := net.DefaultResolver.LookupIPAddr(context.Background(), "name.invalid"); err == nil {
		panic("a name that nobody has was found")
	}
	os.Exit(m.Run())
}
