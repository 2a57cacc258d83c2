package peer

import "bufio"

// openSSL is the environment of a proxy over OpenSSL: no session tickets.
// OpenSSL sends two after every handshake of TLS 1.3, whatever the proxy's own
// option says and whether the client can use them or not; Go sends none to a
// client that cannot, as those of the benchmarks.
func openSSL(s Setup) ([]string, error) {
	if s.Front != TLS {
		return nil, nil
	}
	path, err := s.write("openssl.cnf", func(w *bufio.Writer) {
		w.WriteString("openssl_conf = init\n[init]\nssl_conf = ssl\n[ssl]\nsystem_default = all\n[all]\nNumTickets = 0\n")
	})
	return []string{"OPENSSL_CONF=" + path}, err
}
