package certs

import (
	"errors"
	"fmt"
	"os"
)

// keyLog writes the secrets of connections to a file.
type keyLog struct{ file *os.File }

func openKeyLog(path string) (*keyLog, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("key log of -tls-key-log-file: %w", err)
	}
	// It may have been there, open to others.
	if err := f.Chmod(0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("key log of -tls-key-log-file: %w", err), f.Close())
	}
	return &keyLog{f}, nil
}

// Write never fails: a full disk must not end handshakes.
func (l *keyLog) Write(p []byte) (int, error) {
	_, _ = l.file.Write(p)
	return len(p), nil
}

func (l *keyLog) Close() error {
	if l == nil {
		return nil
	}
	if err := l.file.Close(); err != nil && !errors.Is(err, os.ErrClosed) {
		return fmt.Errorf("close the key log: %w", err)
	}
	return nil
}
