package judges

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"fairlead.dev/fairlead/kit/websocket"
)

// steadyBack is a backend that can be told to end as a good one does.
type steadyBack struct {
	address string
	srv     *http.Server
	served  chan struct{}
	sockets sync.WaitGroup
}

// The pieces of what is slow.
const (
	slowPieces = 12
	slowPause  = 25 * time.Millisecond
	slowBytes  = 8 << 10 // of one piece
)

func startSteadyBack(t *testing.T) *steadyBack {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := &steadyBack{address: ln.Addr().String(), served: make(chan struct{})}
	mux := http.NewServeMux()
	mux.HandleFunc("/fast", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "fast") })
	mux.HandleFunc("/down", steadyDown)
	mux.HandleFunc("/up", func(w http.ResponseWriter, r *http.Request) {
		n, err := io.Copy(io.Discard, r.Body)
		fmt.Fprintf(w, "%d %v", n, err)
	})
	mux.HandleFunc("/ws", b.socket)
	both := new(http.Protocols)
	both.SetHTTP1(true)
	both.SetUnencryptedHTTP2(true)
	b.srv = &http.Server{Handler: mux, Protocols: both, ReadHeaderTimeout: patience}
	go func() { defer close(b.served); _ = b.srv.Serve(ln) }()
	t.Cleanup(func() { b.end(t) })
	return b
}

// end lets what is under way end. It may be called twice.
func (b *steadyBack) end(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := b.srv.Shutdown(ctx); err != nil {
		t.Errorf("backend: %v", err)
	}
	<-b.served
	b.sockets.Wait()
}

// steadyDown is a download in pieces, with a trailer as gRPC has it.
func steadyDown(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Trailer", "Grpc-Status")
	piece := make([]byte, slowBytes)
	for i := range slowPieces {
		piece[0] = byte(i)
		_, _ = w.Write(piece)
		_ = http.NewResponseController(w).Flush()
		<-time.After(slowPause)
	}
	w.Header().Set("Grpc-Status", "0")
}

// socket is a WebSocket that sends back what comes.
func (b *steadyBack) socket(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Connection", "Upgrade")
	w.Header().Set("Upgrade", "websocket")
	w.Header().Set("Sec-Websocket-Accept", websocket.Accept(r.Header.Get("Sec-Websocket-Key")))
	w.WriteHeader(http.StatusSwitchingProtocols)
	c, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	b.sockets.Add(1)
	defer b.sockets.Done()
	defer c.Close()
	for {
		op, data, err := readFrame(rw.Reader)
		if err != nil {
			return
		}
		_ = writeFrame(c, op, data, false)
		if op == opClose {
			return
		}
	}
}

// The opcodes of RFC 6455 5.2 that are used here.
const (
	opText  = 1
	opClose = 8
)

// writeFrame writes a frame of less than 126 bytes.
func writeFrame(w io.Writer, op byte, data []byte, masked bool) error {
	b := []byte{0x80 | op, byte(len(data))}
	if masked {
		b[1] |= 0x80
		b = append(b, 0, 0, 0, 0) // a mask that changes nothing
	}
	_, err := w.Write(append(b, data...))
	return err
}

// readFrame reads one.
func readFrame(r *bufio.Reader) (op byte, data []byte, err error) {
	var head [2]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, nil, err
	}
	var mask [4]byte
	if head[1]&0x80 != 0 {
		if _, err := io.ReadFull(r, mask[:]); err != nil {
			return 0, nil, err
		}
	}
	if head[1]&0x7f > 125 {
		return 0, nil, fmt.Errorf("frame with the head %x", head)
	}
	data = make([]byte, head[1]&0x7f)
	if _, err = io.ReadFull(r, data); err != nil {
		return 0, nil, fmt.Errorf("within a frame: %w", err)
	}
	for i := range data {
		data[i] ^= mask[i%4]
	}
	return head[0] & 0x0f, data, nil
}

// closeCode returns the code of a Close frame.
func closeCode(data []byte) int {
	if len(data) < 2 {
		return 0
	}
	return int(binary.BigEndian.Uint16(data))
}
