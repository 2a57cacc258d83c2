// Package app puts the parts together: it knows everyone, starts them in a
// written order and stops them in reverse.
//
// The walk: Proxy opens what the parts share (metrics, access log, endpoints),
// makes the parts, and hands them to run. all.go names the families of filters,
// predicates, algorithms and sources that are built in: adding one is one line
// there.
//
// Run is Proxy for programs that embed Fairlead: with Config.Guest the process is
// theirs, and signals, memory limits and the environment are left alone.
//
// An upgrade (SIGUSR2, upgrade.go): the program is started anew, from the same
// path, with the same arguments and environment and with copies of the listening
// sockets. Its routes are loaded and it listens before it says "ready" on a pipe;
// until then it answers nobody, health included. Then this process closes its
// sockets, finishes its requests and ends with status 0. If the other one ends or
// is not ready within -upgrade-timeout, it is ended and this process goes on.
// Whoever connects meanwhile waits in the queue of the sockets, which both have.
//
// The new process is no child that lives on under this one: a supervisor that
// watches this process sees it end. Under systemd that needs a PID file or
// KillMode=process. Process 1 refuses to be replaced, because its end is the end
// of the container: there, start another container.
package app
