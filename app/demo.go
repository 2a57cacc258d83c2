package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"

	"fairlead.dev/fairlead/demo"
	"fairlead.dev/fairlead/option"
)

// Demo runs the demo until ctx ends and says on out what to try.
func Demo(ctx context.Context, out io.Writer, log *slog.Logger) error {
	backends, err := demo.Start()
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "fairlead-demo-")
	if err != nil {
		return errors.Join(fmt.Errorf("make a folder for the demo: %w", err), backends.Stop())
	}
	err = runDemo(ctx, out, log, backends, filepath.Join(dir, "routes.eskip"))
	return errors.Join(err, backends.Stop(), os.RemoveAll(dir))
}

func runDemo(ctx context.Context, out io.Writer, log *slog.Logger, b *demo.Backends, file string) error {
	if err := os.WriteFile(file, []byte(b.Routes()), 0o600); err != nil {
		return fmt.Errorf("write the demo's routes: %w", err)
	}
	set := option.NewSet()
	_, _, err := set.ApplyFlags([]string{
		"-routes-file=" + file, "-source-poll-timeout=500",
		"-address=" + freeOr("127.0.0.1:9090"), "-support-listener=" + freeOr("127.0.0.1:9911"),
		"-access-log-disabled", "-wait-for-healthcheck-interval=0", "-wait-first-route-load",
	})
	if err != nil {
		return fmt.Errorf("options of the demo: %w", err)
	}
	return Run(ctx, Config{Options: set, Log: log, Ready: func(at Listening) error {
		return demo.Guide(ctx, out, at.Doors[0].Socket.Addr().String(), at.Support.String(), file)
	}})
}

// freeOr returns address, or any free port of the loopback interface when
// address is taken.
func freeOr(address string) string {
	ln, err := net.Listen("tcp", address)
	if err != nil {
		return "127.0.0.1:0"
	}
	_ = ln.Close()
	return address
}
