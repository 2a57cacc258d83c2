// Package file is the source of routes in files (-routes-file).
//
// The walk: at each look the file is compared with what it was at the last one,
// by identity, size and time; if it differs it is read again and the
// definitions that changed are parsed (source.Document). A file that is being
// written is waited for a moment. Replacing it in one step works, too: by
// renaming another one over it or by the swap of symbolic links with which
// Kubernetes updates a mounted ConfigMap.
//
// It promises that a file that is gone or unreadable harms nothing: its last
// good routes keep serving and the error says what is the matter. This differs
// from Skipper, which deletes all routes of a file that is gone (spec 1.7); an
// empty file deletes them here. The same holds for a broken definition.
//
// It does not watch directories: each file is named.
//
// Start reading at file.Routes.
package file
