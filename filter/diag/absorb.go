package diag

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"time"

	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/kit/buf"
	"fairlead.dev/fairlead/kit/sock"
	"fairlead.dev/fairlead/message"
)

const differsAbsorb = "a body that breaks off is answered with its reason and not with 200"

var _ = filter.Define(filter.Def{
	Name:    "absorb",
	Doc:     "reads the whole body of the request, logs how that goes, and answers 200",
	Example: `* -> absorb() -> <shunt>`,
	Differs: differsAbsorb + "; progress is logged at 1 MB, 2 MB, 4 MB and so on",
	New: func(_ arg.Values, env *filter.Env) (filter.Filter, error) {
		return &absorb{log: env.Log, loud: true}, nil
	},
})

var _ = filter.Define(filter.Def{
	Name:    "absorbSilent",
	Doc:     "reads the whole body of the request and answers 200; only errors are logged",
	Example: `* -> absorbSilent() -> <shunt>`,
	Differs: differsAbsorb,
	New: func(_ arg.Values, env *filter.Env) (filter.Filter, error) {
		return &absorb{log: env.Log}, nil
	},
})

type absorb struct {
	filter.RequestOnly
	log  *slog.Logger
	loud bool
}

func (f *absorb) Request(c *filter.Context) {
	id := c.Request.Header.Get("X-Flow-Id")
	if id == "" {
		id = fmt.Sprintf("%016x", rand.Uint64())
	}
	if f.loud {
		f.log.Info("absorb: request received", "id", id, "route", c.RouteID)
	}
	begun := time.Now()
	n, err := f.read(c.Request.Body, id)
	if err != nil {
		f.log.Info("absorb: request broke off", "id", id, "route", c.RouteID, "bytes", n, "error", err.Error())
		c.Refuse(brokenOff(err))
		return
	}
	if f.loud {
		f.log.Info("absorb: request finished", "id", id, "route", c.RouteID, "bytes", n, "duration", time.Since(begun))
	}
	c.Serve(&message.Response{Status: 200})
}

// firstProgress is how many bytes are worth a line in the log.
const firstProgress = 1 << 20

// read reads r to its end; nil has none.
func (f *absorb) read(r io.Reader, id string) (n int64, err error) {
	if r == nil {
		return 0, nil
	}
	b := buf.Get(buf.Medium)
	defer buf.Put(b)
	for next := int64(firstProgress); ; {
		k, err := r.Read(b)
		if n += int64(k); f.loud && n >= next {
			f.log.Info("absorb: request consumed", "id", id, "bytes", n)
			for next <= n {
				next *= 2
			}
		}
		switch {
		case err == io.EOF: // readers return it bare
			return n, nil
		case err != nil:
			return n, err
		}
	}
}

// brokenOff returns why a request's body could not be read.
func brokenOff(err error) message.Reason {
	var be *filter.BodyError
	var pe *message.ProtocolError
	switch {
	case errors.As(err, &be):
		return be.Reason
	case errors.As(err, &pe):
		return pe.Reason
	case errors.Is(err, sock.ErrTimeout):
		return message.ReasonBodyTimeout
	}
	return message.ReasonBodyCut
}
