package main

import (
	"flag"
	"fmt"
	"net/netip"
	"os"
	"runtime"
	"strings"

	"fairlead.dev/fairlead/bench/sock"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:9001", "addresses to listen on, separated by commas; port 0 picks one")
	cpu := flag.Int("cpu", -1, "bind to this CPU; -1: none")
	flag.Parse()
	if err := run(*listen, *cpu); err != nil {
		fmt.Fprintln(os.Stderr, "origin:", err)
		os.Exit(1)
	}
}

func run(listen string, cpu int) error {
	runtime.LockOSThread()
	if err := sock.PinProcess(cpu); err != nil {
		return err
	}
	s, err := newServer()
	if err != nil {
		return err
	}
	var bound []string
	for text := range strings.SplitSeq(listen, ",") {
		addr, err := netip.ParseAddrPort(text)
		if err != nil {
			return fmt.Errorf("flag listen: %w", err)
		}
		at, err := s.listen(addr)
		if err != nil {
			return err
		}
		bound = append(bound, at.String())
	}
	fmt.Println("listening " + strings.Join(bound, ","))
	return s.run(nil)
}
