package judges

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"fairlead.dev/fairlead/kit/certtest"
)

// ways runs a test in the four ways of clients and backends; in short runs in
// two.
func ways(t *testing.T, b func() *grpcBackend, test func(t *testing.T, b *grpcBackend, c testgrpc.TestServiceClient)) {
	for _, secureClient := range []bool{true, false} {
		for _, secureBackend := range []bool{true, false} {
			if testing.Short() && secureClient == secureBackend {
				continue
			}
			t.Run(way(secureClient, secureBackend), func(t *testing.T) {
				ca := certtest.New(t, "judges")
				b := startBackend(t, ca, b(), secureBackend)
				f := startFront(t, ca, "* -> "+back(t, ca, b.address, secureBackend))
				test(t, b, f.client(secureClient))
			})
		}
	}
}

// TestGRPCEnds checks that deadlines and cancellation reach the backend while the
// call waits there.
func TestGRPCEnds(t *testing.T) {
	type seen struct {
		left time.Duration // until the deadline, 0: none
		err  error
	}
	saw := make(chan seen, 10)
	arrived := make(chan struct{}, 10)
	wait := func(ctx context.Context) {
		var s seen
		if by, ok := ctx.Deadline(); ok {
			s.left = time.Until(by)
		}
		arrived <- struct{}{}
		<-ctx.Done()
		s.err = ctx.Err()
		saw <- s
	}
	b := func() *grpcBackend {
		return &grpcBackend{
			duplex: func(s testgrpc.TestService_FullDuplexCallServer) error {
				wait(s.Context())
				return status.FromContextError(s.Context().Err()).Err() // it may be quicker than the client
			},
			unary: func(ctx context.Context, _ *testgrpc.SimpleRequest) (*testgrpc.SimpleResponse, error) {
				wait(ctx)
				return nil, status.FromContextError(ctx.Err()).Err()
			},
		}
	}
	ways(t, b, func(t *testing.T, _ *grpcBackend, c testgrpc.TestServiceClient) {
		unary := func(ctx context.Context) error {
			_, err := c.UnaryCall(ctx, &testgrpc.SimpleRequest{})
			return err
		}
		stream := func(ctx context.Context) error {
			s, err := c.FullDuplexCall(ctx)
			if err == nil {
				_, err = s.Recv()
			}
			return err
		}
		if _, err := c.EmptyCall(within(t, patience), &testgrpc.Empty{}); err != nil { // connections are made
			t.Fatal(err)
		}
		for name, call := range map[string]func(context.Context) error{"unary": unary, "stream": stream} {
			err := call(within(t, 2*time.Second))
			if status.Code(err) != codes.DeadlineExceeded {
				t.Errorf("%s: %v, expected that the deadline ends it", name, err)
			}
			next(t, arrived)
			if s := next(t, saw); s.left <= 0 || s.left > 2*time.Second || s.err == nil {
				t.Errorf("%s: the backend saw %+v, expected a deadline of at most 2 s", name, s)
			}

			ctx, cancel := context.WithCancel(t.Context()) // no deadline
			ended := make(chan error, 1)
			go func() { ended <- call(ctx) }()
			next(t, arrived)
			cancel()
			if err := next(t, ended); status.Code(err) != codes.Canceled {
				t.Errorf("%s: %v, expected that it is cancelled", name, err)
			}
			if s := next(t, saw); s.left != 0 || !errors.Is(s.err, context.Canceled) {
				t.Errorf("%s: the backend saw %+v, expected to be cancelled without a deadline", name, s)
			}
		}
	})
}

// TestGRPCBigMessages sends 64 MB both ways, by calls and within streams.
func TestGRPCBigMessages(t *testing.T) {
	size := 64 << 20
	if testing.Short() {
		size = 8 << 20
	}
	ways(t, func() *grpcBackend { return &grpcBackend{duplex: echo} }, func(t *testing.T, _ *grpcBackend, c testgrpc.TestServiceClient) {
		ctx := within(t, 2*patience)
		resp, err := c.UnaryCall(ctx, &testgrpc.SimpleRequest{
			ResponseSize: int32(size), Payload: &testgrpc.Payload{Body: make([]byte, size)},
		})
		if err != nil || len(resp.Payload.Body) != size {
			t.Fatalf("%d bytes, %v", len(resp.GetPayload().GetBody()), err)
		}
		s, err := c.FullDuplexCall(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 2 {
			if err := s.Send(chunk(size)); err != nil {
				t.Fatal(err)
			}
			if in, err := s.Recv(); err != nil || len(in.Payload.Body) != size {
				t.Fatalf("message %d: %d bytes, %v", i, len(in.GetPayload().GetBody()), err)
			}
		}
		if err := s.CloseSend(); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Recv(); !errors.Is(err, io.EOF) {
			t.Errorf("the stream ended with %v", err)
		}
	})
}

// TestGRPCManyStreams opens 1,000 streams on one connection, all at a time, and
// makes 1,000 calls at a time on one that takes 128.
func TestGRPCManyStreams(t *testing.T) {
	const n = 1000
	for _, secure := range []bool{true, false} {
		t.Run(way(secure, secure), func(t *testing.T) {
			ca := certtest.New(t, "judges")
			b := startBackend(t, ca, &grpcBackend{duplex: echo}, secure)
			f := startFront(t, ca, "* -> "+back(t, ca, b.address, secure), "-http2-max-streams", "1000")
			c, ctx := f.client(secure), within(t, patience)
			var open, done sync.WaitGroup
			open.Add(n)
			for i := range n {
				done.Go(func() {
					s, err := c.FullDuplexCall(ctx)
					for k := 0; err == nil && k < 2; k++ {
						if err = s.Send(chunk(i)); err == nil {
							_, err = s.Recv()
						}
						if k == 0 {
							open.Done()
							open.Wait() // all are open, or failed
						}
					}
					if err == nil {
						err = s.CloseSend()
					}
					if _, end := s.Recv(); err == nil && !errors.Is(end, io.EOF) {
						err = end
					}
					if err != nil {
						t.Errorf("stream %d: %v", i, err)
					}
				})
			}
			done.Wait()
			few := startFront(t, ca, "* -> "+back(t, ca, b.address, secure)).client(secure)
			for i := range n {
				done.Go(func() {
					if _, err := few.UnaryCall(ctx, &testgrpc.SimpleRequest{ResponseSize: int32(i)}); err != nil {
						t.Errorf("call %d: %v", i, err)
					}
				})
			}
			done.Wait()
		})
	}
}

// TestGRPCHalfClose checks that each side ends on its own: a client that has sent
// all still gets many messages, and a backend that has said its last word ends
// the call while the client is sending.
func TestGRPCHalfClose(t *testing.T) {
	b := func() *grpcBackend {
		return &grpcBackend{duplex: func(s testgrpc.TestService_FullDuplexCallServer) error {
			first, err := s.Recv()
			if err != nil {
				return err
			}
			if len(first.Payload.Body) == 1 {
				return status.Error(codes.FailedPrecondition, "enough")
			}
			for n := 0; ; n++ {
				if _, err := s.Recv(); errors.Is(err, io.EOF) {
					for range n {
						if err := s.Send(&testgrpc.StreamingOutputCallResponse{}); err != nil {
							return err
						}
					}
					return nil
				} else if err != nil {
					return err
				}
			}
		}}
	}
	ways(t, b, func(t *testing.T, _ *grpcBackend, c testgrpc.TestServiceClient) {
		s, err := c.FullDuplexCall(within(t, patience))
		if err != nil {
			t.Fatal(err)
		}
		for range 101 {
			if err := s.Send(chunk(1000)); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.CloseSend(); err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, err = s.Recv(); err == nil; _, err = s.Recv() {
			n++
		}
		if n != 100 || !errors.Is(err, io.EOF) {
			t.Errorf("%d messages after the client's last, then %v", n, err)
		}

		if s, err = c.FullDuplexCall(within(t, patience)); err != nil {
			t.Fatal(err)
		}
		for err = s.Send(chunk(1)); err == nil; {
			err = s.Send(chunk(10000))
		}
		if _, end := s.Recv(); !errors.Is(err, io.EOF) || status.Code(end) != codes.FailedPrecondition {
			t.Errorf("sending ended with %v, the call with %v", err, end)
		}
	})
}

// TestGRPCMetadata passes keys with bytes, duplicates and empty values both ways,
// in head and trailers, and a status without a message.
func TestGRPCMetadata(t *testing.T) {
	sent := metadata.MD{
		"x-one": {"1"}, "x-many": {"a", "b", "a", ""}, "x-empty": {""}, "x-bytes-bin": {"\x00\xff\r\n", "", "abc"},
		"x-comma": {"a, b", "c"}, "x-long": {strings.Repeat("v", 7000)},
	}
	got := make(chan metadata.MD, 10)
	b := func() *grpcBackend {
		return &grpcBackend{duplex: func(s testgrpc.TestService_FullDuplexCallServer) error {
			md, _ := metadata.FromIncomingContext(s.Context())
			got <- md
			if len(md.Get("x-head")) > 0 {
				if err := s.SendHeader(sent); err != nil {
					return err
				}
			}
			s.SetTrailer(sent)
			return status.Error(codes.Aborted, "it is ☺ so\n100%")
		}}
	}
	compare := func(t *testing.T, where string, md metadata.MD) {
		for key, want := range sent {
			if v := fields(md, key); !slices.Equal(v, want) {
				t.Errorf("%s: %s is %q, expected %q", where, key, v, want)
			}
		}
	}
	ways(t, b, func(t *testing.T, _ *grpcBackend, c testgrpc.TestServiceClient) {
		for _, head := range []bool{false, true} {
			ctx := metadata.NewOutgoingContext(within(t, patience), sent.Copy())
			if head {
				ctx = metadata.AppendToOutgoingContext(ctx, "x-head", "1")
			}
			s, err := c.FullDuplexCall(ctx)
			if err != nil {
				t.Fatal(err)
			}
			_, err = s.Recv()
			if st := status.Convert(err); st.Code() != codes.Aborted || st.Message() != "it is ☺ so\n100%" {
				t.Errorf("status %v", err)
			}
			compare(t, "backend", <-got)
			compare(t, "trailer", s.Trailer())
			if head {
				md, err := s.Header()
				if err != nil {
					t.Error(err)
				}
				compare(t, "head", md)
			}
		}
	})
}

// TestGRPCKeepAlive leaves a connection with a stream, and one without, to the
// pings of their client, as often as grpc-go sends them.
func TestGRPCKeepAlive(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for three pings, half a minute; make judges runs it")
	}
	t.Parallel()
	ca := certtest.New(t, "judges")
	b := startBackend(t, ca, &grpcBackend{duplex: echo}, false)
	f := startFront(t, ca, "* -> "+back(t, ca, b.address, false))
	for _, busy := range []bool{true, false} {
		cc := f.dialFront(true, grpc.WithKeepaliveParams(keepalive.ClientParameters{
			Time: 10 * time.Second, Timeout: 5 * time.Second, PermitWithoutStream: true,
		}))
		c := testgrpc.NewTestServiceClient(cc)
		ctx := within(t, 2*patience)
		if _, err := c.EmptyCall(ctx, &testgrpc.Empty{}); err != nil {
			t.Fatal(err)
		}
		var s testgrpc.TestService_FullDuplexCallClient
		if busy {
			var err error
			if s, err = c.FullDuplexCall(ctx); err == nil {
				err = s.Send(chunk(1))
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		state := cc.GetState()
		quiet, cancel := context.WithTimeout(ctx, 35*time.Second)
		if cc.WaitForStateChange(quiet, state) {
			t.Errorf("busy %v: the connection went from %v to %v", busy, state, cc.GetState())
		}
		cancel()
		if busy {
			if _, err := s.Recv(); err != nil {
				t.Error(err)
			}
		}
	}
}

// TestGRPCPickFirst checks that a client whose calls went to one server with
// pick_first gets one server through a route to one.
func TestGRPCPickFirst(t *testing.T) {
	ways(t, func() *grpcBackend { return &grpcBackend{} }, func(t *testing.T, b *grpcBackend, c testgrpc.TestServiceClient) {
		for range 100 {
			resp, err := c.UnaryCall(within(t, patience), &testgrpc.SimpleRequest{FillServerId: true})
			if err != nil || resp.ServerId != b.address {
				t.Fatalf("server %q, %v", resp.GetServerId(), err)
			}
		}
	})
}
