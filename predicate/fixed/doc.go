// Package fixed holds the predicates whose answer does not depend on what the
// client sent: True, False and Weight, Shutdown, which asks for the state of
// the process, and Tee, which asks where the request came from.
//
// Start reading at constant.
package fixed
