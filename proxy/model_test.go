package proxy_test

import (
	"bufio"
	"fmt"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// The model: random sequences of valid requests, pipelined and cut anywhere,
// through the whole proxy to a backend that answers in every way it may. For
// each answer the model knows what it must be; the sequence may end before its
// last request only behind an answer that says so.

// sent is one request of a sequence and what the backend is told to do with it.
type sent struct {
	id      string
	method  string
	minor   int
	close   bool // the client asks for the end of the connection
	body    string
	chunked bool

	early    bool // the backend answers before it reads the body
	hints    bool // and sends 103 before
	answer   string
	size     int
	finally  string // what the backend does with its connection: keep, close, drop
	wrapped  bool   // a filter wraps the response's body
	trailers bool
}

var answers = []string{"length", "chunked", "end", "204", "304", "500"}

func randomRequest(r *rand.Rand, id string) sent {
	q := sent{id: id, method: pick(r, "GET", "HEAD", "POST", "PUT", "DELETE", "get"), minor: 1}
	if r.IntN(6) == 0 {
		q.minor = 0
	}
	q.close = r.IntN(12) == 0
	if r.IntN(2) == 0 {
		q.body = strings.Repeat("0123456789abcdef", r.IntN(3000))[:r.IntN(2)*r.IntN(40)] + strings.Repeat("x", r.IntN(4)*r.IntN(20_000))
		q.chunked = q.minor == 1 && r.IntN(2) == 0
	}
	q.early = q.body != "" && r.IntN(8) == 0
	q.hints, q.trailers, q.wrapped = r.IntN(8) == 0, r.IntN(4) == 0, r.IntN(4) == 0
	q.answer = pick(r, answers...)
	q.size = r.IntN(2) * r.IntN(5) * r.IntN(20_000)
	q.finally = pick(r, "keep", "keep", "keep", "close", "drop")
	return q
}

func pick(r *rand.Rand, from ...string) string { return from[r.IntN(len(from))] }

// text is the request as it is sent.
func (q *sent) text(r *rand.Rand) string {
	var b strings.Builder
	path := "/plain"
	if q.wrapped {
		path = "/wrapped"
	}
	fmt.Fprintf(&b, "%s %s?%s HTTP/1.%d\r\nHost: h\r\nX-Id: %s\r\n", q.method, path, q.id, q.minor, q.id)
	fmt.Fprintf(&b, "X-Do: %v,%v,%s,%d,%s,%v\r\n", q.early, q.hints, q.answer, q.size, q.finally, q.trailers)
	switch {
	case q.close:
		b.WriteString("Connection: close\r\n")
	case q.minor == 0:
		b.WriteString("Connection: keep-alive\r\n")
	}
	if !q.chunked {
		if q.body != "" || q.method == "POST" {
			fmt.Fprintf(&b, "Content-Length: %d\r\n", len(q.body))
		}
		b.WriteString("\r\n" + q.body)
		return b.String()
	}
	b.WriteString("Transfer-Encoding: chunked\r\n\r\n")
	chunk(&b, r, q.body, q.trailers)
	return b.String()
}

// chunk writes body in chunks of random sizes.
func chunk(w io.Writer, r *rand.Rand, body string, trailers bool) {
	for body != "" {
		n := min(len(body), 1+r.IntN(1+r.IntN(30_000)))
		fmt.Fprintf(w, "%x%s\r\n%s\r\n", n, pick(r, "", ";a", ";a=b"), body[:n])
		body = body[n:]
	}
	io.WriteString(w, "0\r\n")
	if trailers {
		io.WriteString(w, "X-Sum: 1\r\n")
	}
	io.WriteString(w, "\r\n")
}

func sum(s string) string { return fmt.Sprintf("%d-%x", len(s), crc32.ChecksumIEEE([]byte(s))) }

func answerBody(id string, size int) string {
	return strings.Repeat(id+".", size/(len(id)+1)+1)[:size]
}

// modelBackend does what X-Do says. It reports requests that no client sent as
// they arrived.
func modelBackend(t *testing.T) *rawBackend {
	var mu sync.Mutex
	seen := map[string]int{}
	return startRaw(t, func(n int, c net.Conn) {
		r := bufio.NewReader(c)
		rnd := rand.New(rand.NewPCG(uint64(n), 2))
		for {
			req, err := http.ReadRequest(r)
			if err != nil {
				return // how the next one begins is the proxy's to say; TestPeerRequests looks
			}
			id := req.Header.Get("X-Id")
			do := strings.Split(req.Header.Get("X-Do"), ",")
			if len(do) != 6 || req.URL.RawQuery != id || len(req.Header.Values("X-Id")) != 1 {
				t.Errorf("backend: not what was sent: %s %s %v", req.Method, req.RequestURI, req.Header)
				return
			}
			mu.Lock()
			seen[id]++
			if seen[id] > 1 && (req.ContentLength != 0 || req.Method == "POST" || req.Method == "get") {
				t.Errorf("backend: request %s came twice", id)
			}
			mu.Unlock()
			got := "unread"
			if do[0] != "true" {
				body, err := io.ReadAll(req.Body)
				if err != nil {
					return
				}
				got = sum(string(body))
			}
			keep := modelAnswer(c, rnd, req, id, got, do)
			if !keep {
				// Not with a reset, which could overtake the answer.
				_ = c.(*net.TCPConn).CloseWrite()
			}
			if _, err := io.Copy(io.Discard, req.Body); err != nil || !keep {
				return
			}
		}
	})
}

// modelAnswer sends the answer; false ends the connection.
func modelAnswer(c net.Conn, rnd *rand.Rand, req *http.Request, id, got string, do []string) bool {
	size, err := strconv.Atoi(do[3])
	if err != nil {
		return false
	}
	body := answerBody(id, size)
	w := bufio.NewWriterSize(c, 1+rnd.IntN(40_000))
	if do[1] == "true" {
		fmt.Fprintf(w, "HTTP/1.1 103 Early Hints\r\nLink: %s\r\n\r\n", id)
	}
	keep := do[4] != "close"
	status := "200 OK"
	switch do[2] {
	case "204", "304", "500":
		status = do[2] + " Status"
	}
	fmt.Fprintf(w, "HTTP/1.1 %s\r\nX-Id: %s\r\nX-Got: %s\r\n", status, id, got)
	if do[4] == "close" {
		io.WriteString(w, "Connection: close\r\n")
	}
	switch do[2] {
	case "204":
		io.WriteString(w, "\r\n")
	case "304":
		fmt.Fprintf(w, "Content-Length: %d\r\n\r\n", size)
	case "chunked":
		io.WriteString(w, "Transfer-Encoding: chunked\r\n\r\n")
		if req.Method != "HEAD" {
			chunk(w, rnd, body, do[5] == "true")
		}
	case "end":
		io.WriteString(w, "\r\n")
		if keep = false; req.Method != "HEAD" {
			io.WriteString(w, body)
		}
	default:
		fmt.Fprintf(w, "Content-Length: %d\r\n\r\n", size)
		if req.Method != "HEAD" {
			io.WriteString(w, body)
		}
	}
	return w.Flush() == nil && keep && do[4] != "drop"
}

// TestModel runs sequences through two proxies, one of which wraps request
// bodies.
func TestModel(t *testing.T) {
	for name, flags := range map[string][]string{"plain": nil, "wrapped requests": {"-max-content-length=10000000"}} {
		t.Run(name, func(t *testing.T) {
			openBodies.Store(0)
			back := modelBackend(t)
			p := start(t, fmt.Sprintf(`w: Path("/wrapped") -> misbehave("wrap it with unknown length") -> "http://%s"; r: * -> "http://%[1]s"`, back.addr), flags...)
			answered := 0
			var mu sync.Mutex
			var wg sync.WaitGroup
			for worker := range 4 {
				wg.Go(func() {
					for seed := range 40 {
						n := p.sequence(t, fmt.Sprintf("%d-%d", worker, seed), rand.New(rand.NewPCG(uint64(worker), uint64(seed))))
						mu.Lock()
						answered += n
						mu.Unlock()
					}
				})
			}
			wg.Wait()
			if answered < 200 {
				t.Errorf("only %d requests were answered: the model tests nothing", answered)
			}
			p.checkIdle(t)
		})
	}
}

// sequence sends one sequence and checks its answers, of which it returns the
// number.
func (p *testProxy) sequence(t *testing.T, name string, r *rand.Rand) (answered int) {
	c := p.dial()
	defer c.Close()
	var all []sent
	var input strings.Builder
	for i := range 1 + r.IntN(10) {
		q := randomRequest(r, fmt.Sprintf("%s-%d", name, i))
		all = append(all, q)
		input.WriteString(q.text(r))
	}
	text, cuts := input.String(), r.IntN(30)
	var wg sync.WaitGroup
	wg.Go(func() {
		defer c.CloseWrite()
		for ; text != "" && cuts > 0; cuts-- {
			n := 1 + r.IntN(len(text))
			if _, err := io.WriteString(c.TCPConn, text[:n]); err != nil {
				return // the proxy ended the connection, as it may
			}
			text = text[n:]
		}
		_, _ = io.WriteString(c.TCPConn, text)
	})
	defer wg.Wait()
	for i := range all {
		last, err := all[i].check(c.r)
		if err != nil {
			t.Errorf("sequence %s, request %d of %d, %+v: %v", name, i, len(all), all[i].short(), err)
			return answered
		}
		answered++
		if last {
			break
		}
	}
	if rest, err := io.ReadAll(c.r); len(rest) > 0 {
		t.Errorf("sequence %s: bytes behind the last answer: %.80q %v", name, rest, err)
	}
	return answered
}

func (q *sent) short() sent {
	s := *q
	s.body = sum(q.body)
	return s
}

// check reads the answer and compares it with the model. last is true when it
// says that the connection ends.
func (q *sent) check(r *bufio.Reader) (last bool, err error) {
	resp, err := http.ReadResponse(r, &http.Request{Method: q.method})
	for hints := 0; err == nil && resp.StatusCode == 103; hints++ {
		if !q.hints || q.minor == 0 || hints > 0 || resp.Header.Get("Link") != q.id {
			return false, fmt.Errorf("unexpected hint %v", resp.Header)
		}
		resp, err = http.ReadResponse(r, &http.Request{Method: q.method})
	}
	if err != nil {
		return false, err
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return false, fmt.Errorf("body: %w", err)
	}
	last = resp.Close
	if (q.close || q.minor == 0 && resp.Header.Get("Connection") != "keep-alive") && !last {
		return false, fmt.Errorf("the connection seems to live on: %v", resp.Header)
	}
	if resp.Header.Get("X-Id") == "" && (resp.StatusCode == 502 || resp.StatusCode == 503) && (q.body != "" || q.chunked || q.method == "POST" || q.method == "get") {
		return last, nil // the backend dropped the connection under it
	}
	return last, q.compare(resp, string(body))
}

func (q *sent) compare(resp *http.Response, body string) error {
	status := 200
	if n, err := strconv.Atoi(q.answer); err == nil {
		status = n
	}
	want := answerBody(q.id, q.size)
	if q.method == "HEAD" || status == 204 || status == 304 {
		want = ""
	}
	got := sum(q.body)
	if q.early {
		got = "unread"
	}
	switch {
	case resp.StatusCode != status || resp.Header.Get("X-Id") != q.id:
		return fmt.Errorf("got %s for %s", resp.Status, resp.Header.Get("X-Id"))
	case body != want:
		return fmt.Errorf("got a body of %s, want %s", sum(body), sum(want))
	case resp.Header.Get("X-Got") != got:
		return fmt.Errorf("the backend got a body of %s, want %s", resp.Header.Get("X-Got"), got)
	case q.answer == "204" && resp.Header.Get("Content-Length") != "":
		return fmt.Errorf("204 with a length")
	}
	return nil
}
