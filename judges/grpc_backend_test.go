package judges

import (
	"context"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"fairlead.dev/fairlead/kit/certtest"
)

// grpcBackend is a server of grpc-go within this process. What its methods do,
// tests set; without that they answer nothing.
type grpcBackend struct {
	testgrpc.UnimplementedTestServiceServer
	t       *testing.T
	address string
	secure  bool
	options []grpc.ServerOption
	server  *grpc.Server

	empties, unaries atomic.Int64
	unary            func(context.Context, *testgrpc.SimpleRequest) (*testgrpc.SimpleResponse, error)
	duplex           func(testgrpc.TestService_FullDuplexCallServer) error
}

// startBackend starts b at a free address.
func startBackend(t *testing.T, ca *certtest.CA, b *grpcBackend, secure bool) *grpcBackend {
	t.Helper()
	b.t, b.secure, b.address = t, secure, freeAddress(t)
	b.options = append(b.options, grpc.MaxRecvMsgSize(1<<30), grpc.MaxSendMsgSize(1<<30), grpc.WaitForHandlers(true))
	if secure {
		pair := ca.Server(t, frontName)
		b.options = append(b.options, grpc.Creds(credentials.NewServerTLSFromCert(&pair.TLS)))
	}
	b.start()
	t.Cleanup(func() { b.server.Stop() })
	return b
}

// start listens at the address, where nobody else may.
func (b *grpcBackend) start() {
	b.t.Helper()
	ln, err := net.Listen("tcp", b.address)
	if err != nil {
		b.t.Fatal(err)
	}
	b.server = grpc.NewServer(b.options...)
	testgrpc.RegisterTestServiceServer(b.server, b)
	go func(s *grpc.Server) { _ = s.Serve(ln) }(b.server)
}

// EmptyCall counts.
func (b *grpcBackend) EmptyCall(context.Context, *testgrpc.Empty) (*testgrpc.Empty, error) {
	b.empties.Add(1)
	return &testgrpc.Empty{}, nil
}

// UnaryCall counts and answers with as many bytes as it is asked for.
func (b *grpcBackend) UnaryCall(ctx context.Context, req *testgrpc.SimpleRequest) (*testgrpc.SimpleResponse, error) {
	b.unaries.Add(1)
	if b.unary != nil {
		return b.unary(ctx, req)
	}
	return &testgrpc.SimpleResponse{
		ServerId: b.address,
		Payload:  &testgrpc.Payload{Body: make([]byte, req.ResponseSize)},
	}, nil
}

// FullDuplexCall does what the test says.
func (b *grpcBackend) FullDuplexCall(s testgrpc.TestService_FullDuplexCallServer) error {
	if b.duplex == nil {
		return status.Error(codes.Unimplemented, "the test says nothing")
	}
	return b.duplex(s)
}

// echo sends back what comes until the client ends its side.
func echo(s testgrpc.TestService_FullDuplexCallServer) error {
	for {
		in, err := s.Recv()
		if err != nil {
			return nil //nolint:nilerr // the end, or nobody is there
		}
		if err := s.Send(&testgrpc.StreamingOutputCallResponse{Payload: in.Payload}); err != nil {
			return err
		}
	}
}

// dialFront returns a client of f that has one connection.
func (f *front) dialFront(secure bool, options ...grpc.DialOption) *grpc.ClientConn {
	f.t.Helper()
	creds := insecure.NewCredentials()
	if secure {
		creds = credentials.NewClientTLSFromCert(f.ca.Pool(), frontName)
	}
	const most = 1 << 30
	cc, err := grpc.NewClient("passthrough:///"+f.address(secure), append([]grpc.DialOption{
		grpc.WithTransportCredentials(creds),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(most), grpc.MaxCallSendMsgSize(most)),
	}, options...)...)
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { cc.Close() })
	return cc
}

// client is a client of f by TLS or without.
func (f *front) client(secure bool) testgrpc.TestServiceClient {
	f.t.Helper()
	return testgrpc.NewTestServiceClient(f.dialFront(secure))
}

// within returns a context that bounds what should happen soon.
func within(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

// fields returns the values of a key, never nil.
func fields(md metadata.MD, key string) []string { return append([]string{}, md.Get(key)...) }

// chunk is a message of n bytes, for a stream.
func chunk(n int) *testgrpc.StreamingOutputCallRequest {
	return &testgrpc.StreamingOutputCallRequest{Payload: &testgrpc.Payload{Body: make([]byte, n)}}
}

// next waits for what comes of a channel soon.
func next[T any](t *testing.T, from <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-from:
	case <-time.After(patience):
		t.Fatalf("waited %v in vain", patience)
	}
	return v
}

// counter counts what happens in many goroutines.
type counter struct{ good, bad atomic.Int64 }
