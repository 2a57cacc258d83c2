package grant

import (
	"errors"
	"fmt"
	"strings"
	"sync"

	"fairlead.dev/fairlead/login"
	"fairlead.dev/fairlead/secrets"
)

// hostMark stands in paths for the host of the request.
const hostMark = "{host}"

// mostHosts have files of their own.
const mostHosts = 1000

// credential is the client id or secret: the same for all hosts, or in a file for
// each.
type credential struct {
	store  *secrets.Store
	option string
	value  string // "": in files
	path   string

	mu    sync.Mutex
	files map[string]*secrets.File[string]
}

func newCredential(store *secrets.Store, option, value, path string) (*credential, error) {
	c := &credential{store: store, option: option, value: value, path: path, files: map[string]*secrets.File[string]{}}
	switch {
	case path == "" && value == "":
		return nil, fmt.Errorf("found neither -%s nor -%s-file, expected one of them", option, option)
	case path == "", strings.Contains(path, hostMark):
		return c, nil
	}
	c.value = ""
	_, err := c.get("")
	return c, err
}

// get returns the credential for a host.
func (c *credential) get(host string) (string, error) {
	if c.path == "" {
		return c.value, nil
	}
	path := c.path
	if strings.Contains(path, hostMark) {
		name := strings.ToLower(strings.TrimSuffix(login.HostName(host), "."))
		if !fileName(name) {
			return "", fmt.Errorf("option -%s-file: the host %q cannot stand in a path", c.option, host)
		}
		path = strings.ReplaceAll(path, hostMark, name)
	}
	f, err := c.open(path)
	if err != nil {
		return "", fmt.Errorf("option -%s-file: %w", c.option, err)
	}
	return *f.Get(), nil
}

func (c *credential) open(path string) (*secrets.File[string], error) {
	c.mu.Lock()
	f, full := c.files[path], len(c.files) >= mostHosts
	c.mu.Unlock()
	switch {
	case f != nil:
		return f, nil
	case full:
		return nil, fmt.Errorf("found more than %d hosts with files of their own", mostHosts)
	}
	f, err := secrets.Open(c.store, path, parseCredential)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if other := c.files[path]; other != nil {
		return other, f.Close() // somebody was faster; they share the file
	}
	c.files[path] = f
	return f, nil
}

// Close lets go of the files.
func (c *credential) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	var err error
	for _, f := range c.files {
		err = errors.Join(err, f.Close())
	}
	clear(c.files)
	return err
}

func parseCredential(text []byte) (string, error) {
	value := strings.TrimRight(string(text), "\r\n")
	if value == "" {
		return "", errors.New("it is empty")
	}
	return value, nil
}

// fileName reports whether a host leads to no other folder.
func fileName(host string) bool {
	if host == "" || len(host) > 253 || host[0] == '.' || strings.Contains(host, "..") {
		return false
	}
	for i := range len(host) {
		c := host[i]
		if !('a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '-' || c == '.') {
			return false
		}
	}
	return true
}
