package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
)

// plain is a codec of bytes.
type plain struct{}

func (plain) Name() string { return "plain" }
func (plain) Marshal(v any) ([]byte, error) {
	return *v.(*[]byte), nil
}

func (plain) Unmarshal(b []byte, v any) error {
	*v.(*[]byte) = bytes.Clone(b)
	return nil
}

// TestCalls lets grpc-go judge the answers, many on one connection.
func TestCalls(t *testing.T) {
	c, err := grpc.NewClient("passthrough:///"+start(t), grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.ForceCodec(plain{})))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var wait sync.WaitGroup
	for range 20 {
		wait.Go(func() {
			for range 50 {
				in, out := make([]byte, messageBody), []byte(nil)
				if err := c.Invoke(t.Context(), "/bench.Echo/Say", &in, &out); err != nil || len(out) != messageBody {
					t.Errorf("%d bytes, %v", len(out), err)
					return
				}
			}
		})
	}
	wait.Wait()
	in, out := make([]byte, messageBody+1), []byte(nil)
	if err := c.Invoke(t.Context(), "/bench.Echo/Say", &in, &out); status.Code(err) != codes.Internal {
		t.Errorf("a message of another length: %v, want code Internal", err)
	}
}

// TestCallsOfNetHTTP is the second opinion: trailers, and a GET refused.
func TestCallsOfNetHTTP(t *testing.T) {
	addr := start(t)
	tr := &http.Transport{Protocols: &http.Protocols{}}
	tr.Protocols.SetUnencryptedHTTP2(true)
	t.Cleanup(tr.CloseIdleConnections)
	message := append(binary.BigEndian.AppendUint32([]byte{0}, messageBody), make([]byte, messageBody)...)
	for range 3 {
		req, err := http.NewRequest("POST", "http://"+addr+"/", bytes.NewReader(message))
		if err != nil {
			t.Fatal(err)
		}
		res, err := tr.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil || !bytes.Equal(got, message) || res.Header.Get("Content-Type") != "application/grpc" || res.Trailer.Get("Grpc-Status") != "0" {
			t.Errorf("%x, %v, %v, %v", got, res.Header, res.Trailer, err)
		}
	}
	req, err := http.NewRequest("GET", "http://"+addr+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tr.RoundTrip(req); err == nil || !strings.Contains(err.Error(), "INTERNAL_ERROR") {
		t.Errorf("a GET: %v, want a stream reset", err)
	}
}

// TestAnswersWaitForTheWindow sends more calls than the client's window takes
// answers, in pieces that cut frames and the preface.
func TestAnswersWaitForTheWindow(t *testing.T) {
	c, err := net.Dial("tcp", start(t))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	const calls = 1000 // 105,000 bytes of answers for a window of 65,535
	framer := http2.NewFramer(c, c)
	framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	done := make(chan error, 1)
	go func() { done <- sendCalls(c, calls) }()
	answers, data := 0, 0
	for answers < calls {
		f, err := framer.ReadFrame()
		if err != nil {
			t.Fatalf("after %d answers: %v", answers, err)
		}
		switch f := f.(type) {
		case *http2.DataFrame:
			data += len(f.Data())
			if answers == 0 && data > 65535 {
				t.Fatal("more than the window was sent")
			}
		case *http2.MetaHeadersFrame:
			if f.StreamEnded() {
				answers++
			}
			if answers == 65535/messageSize && f.StreamEnded() {
				if err := <-done; err != nil {
					t.Fatal(err)
				}
				framer.WriteWindowUpdate(0, calls*messageSize)
			}
		}
	}
	if data != calls*messageSize {
		t.Errorf("%d bytes, want %d", data, calls*messageSize)
	}
}

// sendCalls writes the preface and calls, in pieces.
func sendCalls(w io.Writer, calls int) error {
	var b bytes.Buffer
	b.WriteString(http2.ClientPreface)
	framer := http2.NewFramer(&b, nil)
	framer.WriteSettings(http2.Setting{ID: http2.SettingHeaderTableSize, Val: 0})
	message := append([]byte{0, 0, 0, 0, messageBody}, make([]byte, messageBody)...)
	for i := range calls {
		id := uint32(2*i + 1)
		framer.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: []byte{0x83}, EndHeaders: true})
		framer.WriteDataPadded(id, false, message[:50], make([]byte, 3))
		framer.WriteData(id, true, message[50:])
	}
	for b.Len() > 0 {
		if _, err := w.Write(b.Next(777)); err != nil {
			return fmt.Errorf("send calls: %w", err)
		}
	}
	return nil
}
