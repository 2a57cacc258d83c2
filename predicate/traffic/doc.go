// Package traffic holds the predicates that split requests by chance: Traffic,
// which draws for each route anew, and TrafficSegment, which draws once for each
// request.
//
// Start reading at chance.
package traffic
