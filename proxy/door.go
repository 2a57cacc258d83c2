package proxy

import (
	"net"

	"fairlead.dev/fairlead/listen"
)

// Door lets clients in.
type Door struct {
	// Listener makes what comes by Socket ready for a request.
	Listener *listen.Listener
	Socket   net.Listener
}
