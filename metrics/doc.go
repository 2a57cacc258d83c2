// Package metrics counts and times what Fairlead does and shows it to
// Prometheus, under the names that Skipper's dashboards know (spec 1.11) and,
// for what Skipper does not have, under fairlead_*.
//
// The walk: New makes the one Metrics of a process from the options. Whoever
// compiles a route asks for its handle once (Metrics.Route), the proxy reports
// durations through the handles while requests pass, and Metrics.Handler shows
// everything when it is scraped.
//
// It promises: an observation is a few atomic additions, without allocation and
// without lock (10 to 30 ns); on machines with many processors, additions to
// busy series are spread over them; a handle costs nothing but its entry in a
// map until it is first used; series of routes and endpoints that are gone
// disappear; every set of labels that clients or backends can choose is bounded.
// What a flag turns off costs a comparison. Methods of nil handles do nothing,
// so that code under test needs no metrics.
//
// A histogram is read cell by cell while others write: its count is the sum of
// its buckets and so always agrees with them; its sum may be a few observations
// ahead or behind. Sums are whole nanoseconds or bytes.
//
// It does not measure: callers pass the durations that they took. It opens no
// port: package admin does. Codahale and OpenTelemetry are not served.
//
// Start reading at Metrics, then Route; series is what everything ends in.
package metrics
