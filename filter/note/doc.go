// Package note holds the filters that change nothing: remarks for people and
// for other filters.
//
// Start reading at annotate.go.
package note
