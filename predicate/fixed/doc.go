// Package fixed holds the predicates whose answer does not depend on what the
// client sent: True, False, Weight, and Shutdown, which asks for the state of
// the process.
//
// Start reading at constant.
package fixed
