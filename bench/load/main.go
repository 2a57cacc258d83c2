package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"fairlead.dev/fairlead/bench/drive"
	"fairlead.dev/fairlead/bench/sock"
)

func main() {
	ok, err := run()
	if err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
	}
	if err != nil || !ok {
		os.Exit(1)
	}
}

// run reports whether every answer was right.
func run() (bool, error) {
	var s drive.Settings
	flag.StringVar(&s.URL, "url", "http://127.0.0.1:8080/", "`URL` to request; the address is a number")
	mode := flag.String("mode", "get", "get, post, conn, stream, rate, idle or grpc")
	flag.IntVar(&s.Clients, "c", 64, "connections")
	flag.DurationVar(&s.Duration, "d", 5*time.Second, "measured time; mode idle: how long to hold, 0: until standard input ends")
	flag.DurationVar(&s.Warmup, "warmup", 500*time.Millisecond, "load before the measured time")
	flag.DurationVar(&s.Timeout, "timeout", 10*time.Second, "longest exchange")
	flag.Float64Var(&s.Rate, "rate", 5000, "requests a second, mode rate")
	flag.IntVar(&s.Body, "body", 10<<10, "bytes of the request body, mode post")
	flag.IntVar(&s.Expect, "expect", 0, "bytes of the answer's body; 0: by the path, as origin answers")
	flag.StringVar(&s.Host, "host", "", "Host field; with -hosts a format with one %d")
	flag.IntVar(&s.Hosts, "hosts", 0, "number of host names, one at random for each request")
	paths := flag.String("paths", "", "paths, one at random for each request, separated by commas")
	flag.IntVar(&s.PID, "pid", 0, "process whose CPU time is accounted, with its descendants")
	flag.BoolVar(&s.H2, "h2", false, "HTTP/2, with prior knowledge when the URL is not https; mode get")
	flag.IntVar(&s.Streams, "streams", 100, "exchanges at the same time on each connection, HTTP/2")
	cpu := flag.Int("cpu", -1, "bind to this CPU; -1: none")
	asJSON := flag.Bool("json", false, "print the report as JSON")
	flag.Parse()
	s.Mode = drive.Mode(*mode)
	if *paths != "" {
		s.Paths = strings.Split(*paths, ",")
	}
	if s.Mode == drive.Idle {
		s.Ready = func(open int) { fmt.Println("ready", open) }
	}
	if s.Mode == drive.Idle && s.Duration == 0 {
		s.Release = endOfInput()
	}
	runtime.LockOSThread()
	if err := sock.PinProcess(*cpu); err != nil {
		return false, err
	}
	debug.SetGCPercent(400) // the clients' share of a CPU, not their memory, is scarce
	r, err := drive.Run(s)
	if err != nil {
		return false, err
	}
	if *asJSON {
		return r.Failed() == 0, json.NewEncoder(os.Stdout).Encode(r)
	}
	return r.Failed() == 0, r.Print(os.Stdout)
}

// endOfInput closes its channel when standard input ends.
func endOfInput() <-chan struct{} {
	done := make(chan struct{})
	go func() {
		defer close(done)
		for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		}
	}()
	return done
}
