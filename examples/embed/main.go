// Command embed is a program with Fairlead inside: a filter, a predicate and a
// middleware of its own stand in its routes beside the built-in ones.
//
//	go run . -address=127.0.0.1:9090 &
//	curl http://127.0.0.1:9090/hello?name=Ada
//
// Its arguments are the options of Fairlead.
package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"syscall"

	"fairlead.dev/fairlead/embed"
)

// routes use what this program brings along: Weekday, greet, timed and clock.
const routes = `
	hello: Path("/hello") -> timed() -> greet("Hello") -> <shunt>;
	weekend: Path("/office") && Weekday("Saturday", "Sunday") -> status(503) -> inlineContent("closed\n") -> <shunt>;
	office: Path("/office") -> inlineContent("open\n") -> <shunt>;
	clock: Path("/clock") -> timed() -> clock() -> <shunt>`

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "embed:", err)
		os.Exit(1)
	}
}

// run serves until the process is told to end.
func run(flags []string) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	s, err := embed.New(embed.Config{
		Routes: routes,
		Flags:  append([]string{"-address=127.0.0.1:9090"}, flags...),
		Log:    slog.New(slog.NewTextHandler(os.Stderr, nil)),
	})
	if err != nil {
		return err
	}
	go func() {
		select {
		case <-s.Ready():
			fmt.Printf("serving on http://%s\n", s.Addr())
		case <-ctx.Done():
		}
	}()
	return s.Serve(ctx)
}

// clock is an ordinary handler; a route can use it like any filter that answers.
func clock(w http.ResponseWriter, r *http.Request) {
	fmt.Fprintf(w, "route %s, method %s\n", embed.RouteID(r), r.Method)
}
