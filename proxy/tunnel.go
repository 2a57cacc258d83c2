package proxy

import (
	"io"
	"sync"

	"fairlead.dev/fairlead/exchange"
	"fairlead.dev/fairlead/message"
)

// tunnel answers with resp, the backend's 101, and then passes bytes both ways
// until both sides ended or one failed (RFC 9110 7.8).
func (e *passage) tunnel(resp *message.Response) error {
	down, err := e.down.Accept(resp)
	if err != nil {
		return err
	}
	up := e.up.Tunnel()
	var wg sync.WaitGroup
	wg.Go(func() { relay(up, down) })
	relay(down, up)
	wg.Wait()
	_ = down.Close()
	return up.Close()
}

// relay passes on what comes from one end until it ends, then ends that
// direction of the other. An error ends both, so that the other direction ends
// too.
func relay(to, from exchange.Pipe) {
	if _, err := io.Copy(to, from); err != nil {
		to.Interrupt()
		from.Interrupt()
	}
	_ = to.CloseWrite()
}
