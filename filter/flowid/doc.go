// Package flowid holds the filter that gives each request an id, by which the
// logs of all services that saw it can be put together.
//
// It promises ids that cannot be guessed from earlier ones; they are no secrets
// all the same.
//
// Start reading at flowid.go.
package flowid
