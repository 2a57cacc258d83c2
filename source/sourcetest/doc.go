// Package sourcetest is the suite that every source of routes passes. It is
// for tests only.
//
// Start reading at Run.
package sourcetest
