// Package demo is what a newcomer sees first: two small backends and a route
// file that splits requests between them.
//
// It only provides; package app runs the proxy with it.
package demo

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

//go:embed routes.eskip
var routes string

// Backends are the two backends of the demo.
type Backends struct {
	Blue, Green string // host:port
	servers     []*http.Server
	done        []chan struct{}
}

// Start starts the backends on ports of the loopback interface that are free.
func Start() (*Backends, error) {
	b := &Backends{}
	var err error
	if b.Blue, err = b.start("blue"); err != nil {
		return nil, err
	}
	if b.Green, err = b.start("green"); err != nil {
		return nil, errors.Join(err, b.Stop())
	}
	return b, nil
}

func (b *Backends) start(colour string) (string, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("start demo backend %q: %w", colour, err)
	}
	srv := &http.Server{Handler: hello(colour), ReadHeaderTimeout: 5 * time.Second}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = srv.Serve(ln)
	}()
	b.servers, b.done = append(b.servers, srv), append(b.done, done)
	return ln.Addr().String(), nil
}

func hello(colour string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprintf(w, "hello from %s\n", colour)
	}
}

// Stop ends the backends.
func (b *Backends) Stop() error {
	var errs []error
	for i, srv := range b.servers {
		errs = append(errs, srv.Close())
		<-b.done[i]
	}
	return errors.Join(errs...)
}

// Routes returns the route document of the demo for these backends.
func (b *Backends) Routes() string {
	return strings.NewReplacer("BLUE", b.Blue, "GREEN", b.Green).Replace(routes)
}

// Guide prints what to try. proxy and support are host:port.
func Guide(_ context.Context, out io.Writer, proxy, support, file string) error {
	_, err := fmt.Fprintf(out, guide, proxy, support, file)
	return err
}

const guide = `Fairlead is running. Try, in another terminal:

    curl http://%[1]s/

It prints "hello from blue" about three times in four, "hello from green"
otherwise. And:

    curl http://%[1]s/green          always green
    curl -i http://%[1]s/teapot      answered by the proxy itself
    curl http://%[2]s/routes         the routes in force
    curl http://%[2]s/metrics        the metrics

The routes are in %[3]s
Edit that file while this runs: changes are live within a second or so.
Press Ctrl-C to end.
`
