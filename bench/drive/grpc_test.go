package drive

import (
	"bytes"
	"net"
	"testing"

	"google.golang.org/grpc"
)

// plain is a codec of bytes.
type plain struct{}

func (plain) Name() string                  { return "plain" }
func (plain) Marshal(v any) ([]byte, error) { return *v.(*[]byte), nil }
func (plain) Unmarshal(b []byte, v any) error {
	*v.(*[]byte) = bytes.Clone(b)
	return nil
}

// TestCallsOfGRPC lets grpc-go judge the calls.
func TestCallsOfGRPC(t *testing.T) {
	s := grpc.NewServer(grpc.ForceServerCodec(plain{}), grpc.UnknownServiceHandler(func(_ any, stream grpc.ServerStream) error {
		var message []byte
		if err := stream.RecvMsg(&message); err != nil {
			return err
		}
		if len(message) != 100 {
			t.Errorf("a message of %d bytes", len(message))
		}
		return stream.SendMsg(&message)
	}))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	t.Cleanup(func() {
		s.Stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	exact(t, "grpc-go", Settings{Mode: GRPC, URL: "http://" + l.Addr().String() + "/bench.Echo/Say", Clients: 2, Streams: 50})
}
