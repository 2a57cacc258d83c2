//go:build race

package http3

// large is the size of large bodies; the race detector makes them slow.
const large = 8 << 20
