//go:build race

package buf

// poison overwrites b, so that under the race detector a string that outlived
// its exchange shows up as garbage.
func poison(b []byte) {
	b = b[:cap(b)]
	for i := range b {
		b[i] = 0xdb
	}
}
