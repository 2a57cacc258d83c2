// Package sed holds the filters that replace text in bodies while they pass.
//
// The walk: compile makes a program of the regular expression. A filter puts an
// editor, a reader, in the place of the body. The editor reads pieces, and machine
// takes them rune by rune: it knows every match that is still possible (Pike's
// algorithm), so the editor passes on what no match can contain any more and keeps
// only the rest.
//
// It promises: the output does not depend on how the body is cut into pieces;
// matches are those that Go's regexp finds in the whole body, but for empty ones,
// which are left out; what streams goes on streaming; an editor keeps at most the
// bytes of one possible match, bounded by the filter's buffer, and the work for a
// byte is bounded, too: bytes behind a match that are looked at again are counted.
// The replacement is taken as it is.
//
// At a bound the editor does as well as it can: the match found so far is replaced,
// without one the text stays as it is. With "abort" the message is cut instead.
//
// What it does not do: it leaves compressed bodies (put decompress behind it in the
// route) and parts (206) as they are. So that clients cannot ask for parts, the
// Range of requests is dropped.
//
// Start reading at sed.go, then Read in editor.go.
package sed
