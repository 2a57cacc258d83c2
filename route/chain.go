package route

import (
	"sync"

	"fairlead.dev/fairlead/eskip"
	"fairlead.dev/fairlead/filter"
)

// chain is a list of filters that several routes share because none of them
// keeps anything of its own. Many routes differ in where they lead only: one
// chain saves their memory, and at run time it is in the processor's cache.
type chain struct {
	of                                      *chains
	text                                    string
	filters, request, response, failed, end []Step
	users                                   int // guarded by of.mu
}

// chains are the shared chains by the text of their calls. The zero chains is
// ready.
type chains struct {
	mu     sync.Mutex
	byText map[string]*chain
}

// take returns the chain of text and counts one more user, or nil.
func (c *chains) take(text []byte) *chain {
	c.mu.Lock()
	defer c.mu.Unlock()
	ch := c.byText[string(text)]
	if ch != nil {
		ch.users++
	}
	return ch
}

// add makes the filters of r a chain that others can take. It must not be one
// already.
func (c *chains) add(text []byte, r *Route) *chain {
	ch := &chain{
		of: c, text: string(text), users: 1,
		filters: r.Filters, request: r.Request, response: r.Response, failed: r.ErrorResponse, end: r.End,
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.byText == nil {
		c.byText = map[string]*chain{}
	}
	if c.byText[ch.text] == nil {
		c.byText[ch.text] = ch
	}
	return ch
}

// release takes back one take or add.
func (ch *chain) release() {
	ch.of.mu.Lock()
	defer ch.of.mu.Unlock()
	if ch.users--; ch.users == 0 && ch.of.byText[ch.text] == ch {
		delete(ch.of.byText, ch.text)
	}
}

// lend gives r the filters of ch.
func (ch *chain) lend(r *Route) {
	r.chain = ch
	r.Filters, r.Request, r.Response, r.ErrorResponse, r.End = ch.filters, ch.request, ch.response, ch.failed, ch.end
}

// shareable appends the text of calls to text; ok is false when one of them
// must not be shared.
func shareable(text []byte, calls []eskip.Call) (all []byte, ok bool) {
	for i := range calls {
		def := filter.Lookup(calls[i].Name)
		if def == nil || !def.Shareable {
			return nil, false
		}
		text = calls[i].Append(text)
		text = append(text, ';')
	}
	return text, true
}
