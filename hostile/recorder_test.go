package hostile

import (
	"errors"
	"fmt"
	"io"
	"net"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// recorder is a backend that keeps every byte it is sent and answers each
// request that its strict parser finds.
type recorder struct {
	addr string

	mu       sync.Mutex
	requests []recorded
	faults   []string
}

// recorded is one request as the strict parser read it.
type recorded struct {
	line   string // the request line
	fields []string
	body   string
	// trailers are field lines behind the last chunk.
	trailers []string
	conn     string // the proxy's end of the connection
}

// values returns the values of the fields whose names, in lower case and with
// "-" for what is no letter and no digit, are name.
func (r recorded) values(name string) (all []string) {
	for _, f := range r.fields {
		n, v, _ := strings.Cut(f, ": ")
		if separators.ReplaceAllString(strings.ToLower(n), "-") == name {
			all = append(all, n+": "+v)
		}
	}
	return all
}

var separators = regexp.MustCompile(`[^a-z0-9]`)

func startRecorder(t testing.TB) *recorder {
	t.Helper()
	r := &recorder{}
	r.addr = startRaw(t, r.serve)
	return r
}

func (r *recorder) serve(c net.Conn) {
	var all []byte
	b := make([]byte, 32<<10)
	for {
		n, err := c.Read(b)
		all = append(all, b[:n]...)
		for len(all) > 0 {
			req, rest, perr := parseStrictly(string(all))
			if errors.Is(perr, errMore) && err == nil {
				break
			}
			if perr != nil {
				if !errors.Is(perr, errMore) {
					r.fault(fmt.Sprintf("%v in %.300q", perr, all))
				}
				return
			}
			req.conn = c.RemoteAddr().String()
			r.mu.Lock()
			r.requests = append(r.requests, req)
			r.mu.Unlock()
			all = []byte(rest)
			if _, err := io.WriteString(c, "HTTP/1.1 200 OK\r\nX-Recorded: 1\r\nContent-Length: 2\r\n\r\nok"); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

func (r *recorder) fault(text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.faults = append(r.faults, text)
}

// take returns what arrived since the last take.
func (r *recorder) take() (requests []recorded, faults []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	requests, faults = r.requests, r.faults
	r.requests, r.faults = nil, nil
	return requests, faults
}

// only returns the one request that arrived since the last take.
func (r *recorder) only(t testing.TB) recorded {
	t.Helper()
	requests, faults := r.take()
	if len(requests) != 1 || len(faults) > 0 {
		t.Fatalf("%d requests arrived, want 1; faults: %q", len(requests), faults)
	}
	return requests[0]
}

// errMore says that a request is not complete yet.
var errMore = errors.New("incomplete")

var (
	strictLine  = regexp.MustCompile(`^[!#$%&'*+.^_|~0-9A-Za-z` + "`" + `-]+ [!-~]+ HTTP/1\.1$`)
	strictField = regexp.MustCompile(`^[!#$%&'*+.^_|~0-9A-Za-z` + "`" + `-]+: ([^\x00- \x7f]([^\x00-\x08\x0a-\x1f\x7f]*[^\x00- \x7f])?)?$`)
	strictSize  = regexp.MustCompile(`^[0-9a-f]{1,15}$`)
	strictCount = regexp.MustCompile(`^(0|[1-9][0-9]{0,17})$`)
)

// parseStrictly reads one request. It takes the one form in which everybody reads
// the same, and nothing of what RFC 9112 tolerates: one Host, one framing field,
// lines that end with CR LF, chunks in lower case without extensions.
func parseStrictly(s string) (r recorded, rest string, err error) {
	head, rest, ok := strings.Cut(s, "\r\n\r\n")
	if !ok {
		return r, s, errMore
	}
	lines := strings.Split(head, "\r\n")
	if r.line = lines[0]; !strictLine.MatchString(r.line) {
		return r, s, fmt.Errorf("request line %q", r.line)
	}
	r.fields = lines[1:]
	hosts, length, chunked := 0, -1, 0
	for _, f := range r.fields {
		if !strictField.MatchString(f) {
			return r, s, fmt.Errorf("field line %q", f)
		}
		name, value, _ := strings.Cut(f, ": ")
		switch strings.ToLower(strings.ReplaceAll(name, "_", "-")) {
		case "host":
			hosts++
		case "transfer-encoding":
			if chunked++; value != "chunked" {
				return r, s, fmt.Errorf("field %q", f)
			}
		case "content-length":
			if length >= 0 || !strictCount.MatchString(value) {
				return r, s, fmt.Errorf("field %q", f)
			}
			length, _ = strconv.Atoi(value)
		}
	}
	if hosts != 1 || chunked > 1 || chunked == 1 && length >= 0 {
		return r, s, fmt.Errorf("%d Host fields, %d Transfer-Encoding fields, length %d", hosts, chunked, length)
	}
	switch {
	case chunked == 1:
		rest, err = r.chunks(rest)
		return r, rest, err
	case length > len(rest):
		return r, s, errMore
	case length > 0:
		r.body, rest = rest[:length], rest[length:]
	}
	return r, rest, nil
}

func (r *recorded) chunks(s string) (rest string, err error) {
	for {
		line, after, ok := strings.Cut(s, "\r\n")
		if !ok {
			return s, errMore
		}
		if !strictSize.MatchString(line) {
			return s, fmt.Errorf("chunk size %q", line)
		}
		n, _ := strconv.ParseInt(line, 16, 64)
		if n == 0 {
			return r.trailing(after)
		}
		if int64(len(after)) < n+2 {
			return s, errMore
		}
		if after[n:n+2] != "\r\n" {
			return s, fmt.Errorf("chunk of %d bytes ends with %q", n, after[n:n+2])
		}
		r.body, s = r.body+after[:n], after[n+2:]
	}
}

func (r *recorded) trailing(s string) (rest string, err error) {
	for {
		line, after, ok := strings.Cut(s, "\r\n")
		switch {
		case !ok:
			return s, errMore
		case line == "":
			return after, nil
		case !strictField.MatchString(line):
			return s, fmt.Errorf("trailer %q", line)
		}
		r.trailers, s = append(r.trailers, line), after
	}
}
