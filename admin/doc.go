// Package admin is the support listener: the metrics page, the list of routes,
// health and readiness, and profiles when they are asked for (spec 1.10).
//
//	/metrics       Prometheus text
//	/routes        routes in force; ?limit= ?offset= ?timestamp= ?nopretty ?invalid=true
//	/healthz       200 while the process runs
//	/readyz        200 while requests are served, else 503 with Retry-After
//	/debug/pprof/  with -enable-profile
//
// The walk: New checks the options, Listen takes the port, Run serves until its
// context ends. What is shown comes through the small interfaces of Sources:
// package app puts them together.
//
// It promises: nothing it serves changes anything, and only GET and HEAD are
// answered; connections, header sizes and times are bounded; a page of another
// site cannot make a browser read or start anything here (guard.go): browsers are
// answered only where they use an address, or a name that no site elsewhere can
// have. Arguments of the process,
// which may hold secrets, are not shown.
//
// It does not ask who somebody is: filters in routes may hold secrets, so the
// port belongs into a private network. -support-listener=127.0.0.1:9911 keeps
// it on the machine, an empty value leaves it out.
//
// Start reading at Admin, then routes.go.
package admin
