package sock

import "syscall"

// peek reports whether there is something to read, the end included.
func peek(fd int) bool {
	var one [1]byte
	_, _, err := syscall.Recvfrom(fd, one[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
	return err == nil
}
