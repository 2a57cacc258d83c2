// Package method holds the predicates on the method of a request: Method and
// Methods.
//
// Start reading at method.
package method
