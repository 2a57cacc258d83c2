// Package secrets keeps secrets as their files say: tokens and passwords of
// -credentials-paths, and other files that routes name, such as one of htpasswd.
//
// The walk of a secret: In returns the Store of the process, which has read every
// file of -credentials-paths when it was first asked for. Check tells a filter's
// constructor whether a secret is there, Get gives its value to each request. The
// walk of a file: Open reads and parses it, Get returns what the last good reading
// made of it. One goroutine looks at all of them again and again.
//
// It promises: what is broken when a route is built is an error of the route. What
// breaks later (unreadable, empty, too long, not parsable) is logged once, and the
// last good value counts on; a secret whose file is gone is gone. The symbolic
// links of Kubernetes mounts are followed, so that a swap is one change. Readers
// take no lock. Values are in no log and no error.
//
// It reads no more than the files that the options and routes name: a name in a
// route reaches no file outside -credentials-paths. It does not encrypt or write.
//
// Start reading at In, Store.Get and Open.
package secrets
