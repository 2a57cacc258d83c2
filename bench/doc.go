// Command bench measures Fairlead beside other proxies: requests per
// CPU-second of the proxy process, memory, latency and the cost of a change,
// over HTTP/1.1 and HTTP/2, plain and over TLS, and for gRPC calls.
//
// The walk: main reads the flags, measure collects the programs (package peer)
// and runs the scenarios (package suite, which starts commands origin and
// load), and package result prints the tables. With -profile it runs one
// scenario under the profilers instead.
//
//	go run .                                            everything there is
//	go run . -quick                                     a minute: is it right, roughly how fast
//	go run . -peers fairlead,nginx -scenarios small,routes -rounds 3 -seconds 5
//	go run . -peers fairlead,haproxy,caddy -scenarios tls,handshake,h2,h2c
//	go run . -peers fairlead,haproxy,traefik -scenarios grpc
//	go run . -peers fairlead,fairlead-old=/tmp/fairlead -scenarios small
//	go run . -profile fairlead -scenarios small
//	go run . -json out.json -markdown ../docs/performance.md
//	go run . -from out.json -markdown ../docs/performance.md
//
// The proxy runs alone on one CPU, load and origin share another. Nothing
// outlives the command: processes are ended by their id, files lie in a
// temporary folder; only the programs that were built stay in a cache folder.
//
// Start reading at measure.
package main
