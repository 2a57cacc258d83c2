// Command load drives requests at a proxy and reports what came of it; the
// work is done by package drive.
//
//	load -url http://127.0.0.1:8080/ -c 64 -d 5s -cpu 1 -pid 4711
//	load -url http://127.0.0.1:8080/10k -mode get
//	load -url http://127.0.0.1:8080/ -mode post
//	load -url http://127.0.0.1:8080/ -mode conn
//	load -url http://127.0.0.1:8080/100m -mode stream -c 4
//	load -url http://127.0.0.1:8080/ -mode rate -rate 5000
//	load -url http://127.0.0.1:8080/ -mode idle -c 10000 -d 15s
//	load -url http://127.0.0.1:8080/ -hosts 2500 -host h%04d.bench.example -paths /p0,/p1,/p2,/p3
//	load -url https://127.0.0.1:8443/ -mode conn
//	load -url https://127.0.0.1:8443/ -h2 -c 1 -streams 100
//	load -url http://127.0.0.1:8080/bench.Echo/Say -mode grpc -c 1 -streams 100
//
// With -pid it accounts the CPU time of that process and its descendants. It
// ends with status 1 when an answer was wrong.
//
// Start reading at run.
package main
