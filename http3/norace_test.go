//go:build !race

package http3

// large is the size of large bodies.
const large = 100 << 20
