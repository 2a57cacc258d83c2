// Package shed holds the filters that refuse part of the requests so that the others
// succeed.
//
// # The walk
//
// admissionControl counts in slots of time how many responses the route gave and how
// many were good. From the slots that are over it finds, once for each, how likely a
// request is to be refused:
//
//	p = ((total - success/threshold) / (total + 1)) ^ exponent
//
// and no more than the most that is allowed, nothing below the least rate of requests,
// and nothing while as many succeed as the threshold asks for. What is refused gets 503
// with Admission-Control: true (overload), and responses with that field are not counted:
// neither one's own nor those of another Fairlead behind this one.
//
// # What it promises
//
//   - The counts belong to the route: they survive its changes, and no route is refused
//     for what another does.
//   - A request costs the look at a clock, a random number and two atomic operations.
//
// It starts no goroutine: the first request of a slot closes the one before.
//
// Start reading at admission.go.
package shed
