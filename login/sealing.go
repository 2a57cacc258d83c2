package login

import (
	"crypto/rand"
	"fmt"

	"fairlead.dev/fairlead/kit/seal"
)

// ParseBox makes a box of a file with secrets.
func ParseBox(text []byte) (*seal.Box, error) {
	box, err := seal.New(seal.ParseSecrets(text)...)
	if err != nil {
		return nil, fmt.Errorf("read secrets: %w", err)
	}
	return box, nil
}

// OwnBox returns a box with a secret that is made up: what it seals opens as long
// as the process runs, and nowhere else.
func OwnBox() *seal.Box {
	secret := make([]byte, 32)
	_, _ = rand.Read(secret) // it never fails: the process would have ended
	box, err := seal.New(secret)
	if err != nil {
		panic(fmt.Sprintf("login: a secret of 32 bytes: %v", err))
	}
	return box
}
