// Package health finds out which endpoints must not be used: by what becomes of
// requests, and by asking them.
//
// # The walk
//
// The forwarding step reports how each attempt of a load balanced route ended
// (Monitor.Report). Failures in a row make an endpoint leave: it is down
// (backend.Endpoint.SetDown), and algorithms pass it over. From then on Monitor.Run
// asks it, every few seconds, until it is well again. What is known belongs to the
// endpoint: all routes that name it share it.
//
//   - A failure is a connection that could not be made or ended without an answer, or
//     a response that did not begin within a second or more. Other responses are none,
//     unless the option says which statuses are.
//   - An endpoint leaves after three failures in a row (failures=), or when it did
//     nothing but fail for a second.
//   - It is asked by making a connection, or with GET where a route says so
//     (healthCheck, backend.Check): those endpoints are asked all the time.
//   - When it is back, the first failure makes it leave again, and each time soon after
//     the last it is asked less often, down to once a minute.
//   - When more than a share of the endpoints of a route are down (max-down=), requests
//     go to all of them: the rest could not bear the load.
//
// -passive-health-check is Skipper's way, and works beside that (passive.go): at the
// end of each period endpoints of which a part of the requests failed are avoided by
// as large a part of the next requests, and weigh less in weightedRoundRobin.
//
// # What it promises
//
// Reporting a success costs a few loads, and no memory. At most 32 endpoints are asked
// at a time, and 10,000 are watched. Checks of an endpoint end when no route names it
// any more; Run returns when none is under way.
//
// It does not choose endpoints (balance) or send requests again (proxy).
//
// Start reading at Monitor.Report, then Monitor.Run.
package health
