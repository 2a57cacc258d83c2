package buf

import "sync"

// The sizes that Get lends, in bytes.
const (
	Small  = 4 << 10
	Medium = 16 << 10
	Large  = 64 << 10
	Huge   = 256 << 10
)

// pools keep pointers to arrays, so that Put does not allocate.
var (
	small  = sync.Pool{New: func() any { return new([Small]byte) }}
	medium = sync.Pool{New: func() any { return new([Medium]byte) }}
	large  = sync.Pool{New: func() any { return new([Large]byte) }}
	huge   = sync.Pool{New: func() any { return new([Huge]byte) }}
)

// Get returns a slice of at least n bytes with undefined content. Sizes above
// Huge are allocated and not kept.
func Get(n int) []byte {
	switch {
	case n <= Small:
		return small.Get().(*[Small]byte)[:]
	case n <= Medium:
		return medium.Get().(*[Medium]byte)[:]
	case n <= Large:
		return large.Get().(*[Large]byte)[:]
	case n <= Huge:
		return huge.Get().(*[Huge]byte)[:]
	}
	return make([]byte, n)
}

// Put gives back what Get returned. b must start where the slice from Get
// started; its content is lost. Strings that view it are invalid from now on.
func Put(b []byte) {
	switch cap(b) {
	case Small:
		poison(b)
		small.Put((*[Small]byte)(b[:Small]))
	case Medium:
		poison(b)
		medium.Put((*[Medium]byte)(b[:Medium]))
	case Large:
		poison(b)
		large.Put((*[Large]byte)(b[:Large]))
	case Huge:
		poison(b)
		huge.Put((*[Huge]byte)(b[:Huge]))
	}
}
