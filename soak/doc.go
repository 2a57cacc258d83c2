// Package soak holds nothing but a test: every filter and predicate there is in one
// table, under load, and nothing may be left behind.
//
// The walk: table_test.go makes a table of the examples that the declarations
// carry, each under a path of its own and with loopback backends in place of those
// it names. load_test.go sends requests of many kinds over HTTP/1.1 and HTTP/2,
// broken off ones among them, while routes change. soak_test.go compares
// goroutines, file descriptors and memory of before and after.
//
// `make soak` runs it for a minute with the race detector; `make test` for a few
// seconds.
//
// Start reading at TestSoak.
package soak
