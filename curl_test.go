package fairlead_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// curl is as much of that program as the README uses: curl [-i] [-X method]
// [-H 'Name: value'] [-b cookies] URL. It returns the exit status.
func curl(args []string, stdout, stderr io.Writer) int {
	withHead, method, target := false, "GET", ""
	var fields []string
	for len(args) > 0 {
		flag := args[0]
		args = args[1:]
		switch {
		case flag == "-i":
			withHead = true
		case (flag == "-X" || flag == "-H" || flag == "-b") && len(args) > 0:
			switch flag {
			case "-X":
				method = args[0]
			case "-H":
				fields = append(fields, args[0])
			case "-b":
				fields = append(fields, "Cookie: "+args[0])
			}
			args = args[1:]
		case strings.HasPrefix(flag, "http://") && target == "":
			target = flag
		default:
			fmt.Fprintf(stderr, "curl: found %q, which this stand-in for curl does not know\n", flag)
			return 2
		}
	}
	// A proxy that listens may still be reading its routes: on a busy machine
	// that takes longer than somebody needs to type this.
	for deadline := time.Now().Add(10 * time.Second); ; {
		var out bytes.Buffer
		status, err := exchange(method, target, fields, withHead, &out)
		if err != nil {
			fmt.Fprintf(stderr, "curl: %v\n", err)
			return 7
		}
		if status != http.StatusServiceUnavailable || time.Now().After(deadline) {
			_, _ = out.WriteTo(stdout)
			return 0
		}
		<-time.After(50 * time.Millisecond)
	}
}

// exchange sends one request. The head of the response is printed as it came:
// in the order and spelling of the wire, which net/http would not keep.
func exchange(method, target string, fields []string, withHead bool, stdout io.Writer) (status int, err error) {
	u, err := url.Parse(target)
	if err != nil {
		return 0, err
	}
	conn, err := net.DialTimeout("tcp", u.Host, 5*time.Second)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return 0, err
	}
	head := method + " " + u.RequestURI() + " HTTP/1.1\r\nHost: " + u.Host + "\r\nUser-Agent: curl\r\nAccept: */*\r\n"
	for _, f := range fields {
		head += f + "\r\n"
	}
	if _, err := io.WriteString(conn, head+"\r\n"); err != nil {
		return 0, err
	}
	var seen bytes.Buffer
	in := bufio.NewReader(conn)
	for !bytes.HasSuffix(seen.Bytes(), []byte("\r\n\r\n")) {
		line, err := in.ReadBytes('\n')
		if err != nil {
			return 0, err
		}
		seen.Write(line)
	}
	if withHead {
		if _, err := stdout.Write(seen.Bytes()); err != nil {
			return 0, err
		}
	}
	resp, err := http.ReadResponse(bufio.NewReader(io.MultiReader(&seen, in)), &http.Request{Method: method})
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	_, err = io.Copy(stdout, resp.Body)
	return resp.StatusCode, err
}
