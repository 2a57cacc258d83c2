// Package path holds the predicates on the path of a request: Path and
// PathSubtree, which choose the place of a route in the path tree, and
// PathRegexp.
//
// All of them look at the decoded path with "." and ".." resolved and repeated
// slashes merged; a slash at the end stays (spec 1.6, step 1).
//
// Start reading at parse, which says what a pattern is.
package path
