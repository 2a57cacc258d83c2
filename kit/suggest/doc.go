// Package suggest finds the known name that somebody probably meant.
//
// Nearest is all there is: error messages end in its answer ("did you mean
// ...?"). What people type is bounded before it is compared, so a hostile
// document costs no more than an honest one.
//
// Start reading at Nearest.
package suggest
