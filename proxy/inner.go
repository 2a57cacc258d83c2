package proxy

import (
	"context"
	"errors"

	"fairlead.dev/fairlead/message"
)

// Exchange implements filter.Router.
func (p *Proxy) Exchange(context.Context, *message.Request) (*message.Response, error) {
	return nil, errors.New("exchanges of the proxy's own are not built yet")
}
