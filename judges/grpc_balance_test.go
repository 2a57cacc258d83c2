package judges

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	"google.golang.org/grpc/codes"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/status"

	"fairlead.dev/fairlead/kit/certtest"
)

// several starts n backends without TLS and returns a backend of eskip that has
// all of them.
func several(t *testing.T, n int, b func() *grpcBackend) ([]*grpcBackend, string) {
	t.Helper()
	all, urls := make([]*grpcBackend, n), make([]string, n)
	for i := range all {
		all[i] = startBackend(t, nil, b(), false)
		urls[i] = `"h2c://` + all[i].address + `"`
	}
	return all, "<roundRobin, " + strings.Join(urls, ", ") + ">"
}

// TestGRPCBalance checks that the calls of one connection are spread over all
// backends evenly, those of each method.
func TestGRPCBalance(t *testing.T) {
	for _, n := range []int{2, 3} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			backends, to := several(t, n, func() *grpcBackend { return &grpcBackend{} })
			c, ctx := startFront(t, certtest.New(t, "judges"), "* -> "+to).client(true), within(t, patience)
			const calls = 200
			var done sync.WaitGroup
			for range calls {
				done.Go(func() {
					if _, err := c.EmptyCall(ctx, &testgrpc.Empty{}); err != nil {
						t.Error(err)
					}
				})
			}
			done.Wait()
			for range calls {
				if _, err := c.UnaryCall(ctx, &testgrpc.SimpleRequest{}); err != nil {
					t.Fatal(err)
				}
			}
			for i, b := range backends {
				for name, got := range map[string]int64{"EmptyCall": b.empties.Load(), "UnaryCall": b.unaries.Load()} {
					if share := int64(calls / n); got < share || got > share+1 {
						t.Errorf("backend %d got %d calls of %s, expected %d or one more", i, got, name, share)
					}
				}
			}
		})
	}
}

// TestGRPCRestart restarts backends one after the other, gracefully, under load:
// no call fails, because one that a backend did not process goes to another.
func TestGRPCRestart(t *testing.T) {
	backends, to := several(t, 2, func() *grpcBackend { return &grpcBackend{} })
	c := startFront(t, certtest.New(t, "judges"), "* -> "+to).client(true)
	ctx, stop := context.WithCancel(within(t, 2*patience))
	var load sync.WaitGroup
	var n counter
	for range 20 {
		load.Go(func() {
			for ctx.Err() == nil {
				_, err := c.UnaryCall(context.WithoutCancel(ctx), &testgrpc.SimpleRequest{ResponseSize: 100})
				if err == nil {
					n.good.Add(1)
				} else if n.bad.Add(1) <= 10 {
					t.Errorf("call: %v", err)
				}
			}
		})
	}
	for i := range 6 {
		b := backends[i%2]
		before, served := n.good.Load(), b.unaries.Load()
		eventually(t, "the backend has work", func() bool {
			return n.good.Load() > before+100 && b.unaries.Load() > served+10
		})
		b.server.GracefulStop()
		before = n.good.Load()
		eventually(t, "the other one works", func() bool { return n.good.Load() > before+50 })
		b.start()
	}
	stop()
	load.Wait()
	t.Logf("%d calls, %d failed", n.good.Load(), n.bad.Load())
}

// TestGRPCBackendDies checks what a client is told when a backend dies within its
// answer, before it, and when nothing listens any more.
func TestGRPCBackendDies(t *testing.T) {
	ways(t, func() *grpcBackend { return &grpcBackend{duplex: echo} }, func(t *testing.T, b *grpcBackend, c testgrpc.TestServiceClient) {
		ctx := within(t, patience)
		within, err := c.FullDuplexCall(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if err = within.Send(chunk(10)); err == nil {
			_, err = within.Recv()
		}
		before, berr := c.FullDuplexCall(ctx)
		if err != nil || berr != nil {
			t.Fatal(err, berr)
		}
		if err := before.Send(chunk(10)); err != nil {
			t.Fatal(err)
		}
		b.server.Stop()
		for name, s := range map[string]testgrpc.TestService_FullDuplexCallClient{"within": within, "before": before} {
			for err = nil; err == nil; {
				_, err = s.Recv()
			}
			if status.Code(err) != codes.Unavailable {
				t.Errorf("%s its answer: %v, expected UNAVAILABLE", name, err)
			}
		}
		if _, err := c.EmptyCall(ctx, &testgrpc.Empty{}); status.Code(err) != codes.Unavailable || !strings.Contains(err.Error(), "dial-failed") {
			t.Errorf("afterwards: %v, expected UNAVAILABLE, dial-failed", err)
		}
		b.start()
		if _, err := c.EmptyCall(ctx, &testgrpc.Empty{}); err != nil {
			t.Errorf("when it is back: %v", err)
		}
	})
}

// TestGRPCOwnAnswers checks that what Fairlead itself answers is understood.
func TestGRPCOwnAnswers(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var silent sync.WaitGroup
	silent.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			silent.Go(func() { _, _ = io.Copy(io.Discard, conn); conn.Close() })
		}
	})
	t.Cleanup(func() { ln.Close(); silent.Wait() }) // Fairlead hangs up before
	f := startFront(t, certtest.New(t, "judges"), `
		late: Path("/grpc.testing.TestService/UnaryCall") -> backendTimeout("100ms") -> "h2c://`+ln.Addr().String()+`";
		stop: Path("/grpc.testing.TestService/StreamingInputCall") -> status(403) -> <shunt>`)
	for _, secure := range []bool{true, false} {
		c, ctx := f.client(secure), within(t, patience)
		_, err := c.UnaryCall(ctx, &testgrpc.SimpleRequest{})
		if st := status.Convert(err); st.Code() != codes.DeadlineExceeded || !strings.HasPrefix(st.Message(), "backend-timeout: ") {
			t.Errorf("too late: %v", err)
		}
		_, err = c.EmptyCall(ctx, &testgrpc.Empty{})
		if st := status.Convert(err); st.Code() != codes.Unimplemented || !strings.HasPrefix(st.Message(), "no-route: ") {
			t.Errorf("no route: %v", err)
		}
		s, err := c.StreamingInputCall(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if _, err = s.CloseAndRecv(); status.Code(err) != codes.PermissionDenied {
			t.Errorf("refused by a filter: %v", err)
		}
	}
}

// TestGRPCServerDeadline checks that a call which the backend ends because the
// deadline has passed there is not said to be cancelled, or broken, to a client
// whose clock is behind.
func TestGRPCServerDeadline(t *testing.T) {
	over := make(chan struct{}) // the method says nothing, its server does
	b := startBackend(t, nil, &grpcBackend{duplex: func(testgrpc.TestService_FullDuplexCallServer) error {
		<-over
		return nil
	}}, false)
	t.Cleanup(func() { close(over) })
	f := startFront(t, certtest.New(t, "judges"), "* -> "+back(t, nil, b.address, false))
	transport := &http.Transport{Protocols: new(http.Protocols)}
	transport.Protocols.SetUnencryptedHTTP2(true)
	t.Cleanup(transport.CloseIdleConnections)
	body, hold := io.Pipe() // the client goes on
	t.Cleanup(func() { hold.Close() })
	req, err := http.NewRequestWithContext(within(t, patience), http.MethodPost, "http://"+f.plain+"/grpc.testing.TestService/FullDuplexCall", body)
	if err != nil {
		t.Fatal(err)
	}
	for key, value := range map[string]string{"Content-Type": "application/grpc", "Te": "trailers", "Grpc-Timeout": "50m"} {
		req.Header.Set(key, value)
	}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if got := resp.Header.Get("Grpc-Status"); resp.StatusCode != http.StatusOK || got != "4" {
		t.Errorf("%s, %v, expected DEADLINE_EXCEEDED", resp.Status, resp.Header)
	}
}
