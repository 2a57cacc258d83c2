package static

import (
	"bytes"
	"io"
	"net/http"
	"slices"
	"strconv"

	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/message"
)

// recorder takes the answer of the file server in the place of a connection.
type recorder struct {
	status int
	header http.Header
	// text is what was written: a message or a listing.
	text bytes.Buffer
	// body is what was to be copied from a file.
	body *body
}

// Header returns the fields of the answer.
func (r *recorder) Header() http.Header {
	if r.header == nil {
		r.header = http.Header{}
	}
	return r.header
}

// WriteHeader notes the status.
func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
}

// Write collects text.
func (r *recorder) Write(p []byte) (int, error) {
	r.WriteHeader(http.StatusOK)
	return r.text.Write(p)
}

// ReadFrom is what io.CopyN calls to send a file: it keeps the file for the body
// of the response and says that everything was sent.
func (r *recorder) ReadFrom(src io.Reader) (int64, error) {
	if l, ok := src.(*io.LimitedReader); ok {
		if f, ok := l.R.(*file); ok && r.body == nil {
			f.kept = true
			r.body = &body{file: f.File, left: l.N}
			return l.N, nil
		}
	}
	r.WriteHeader(http.StatusOK)
	return r.text.ReadFrom(src)
}

// response returns what was recorded. Fields come in the order of their names.
func (r *recorder) response(method string) *message.Response {
	resp := &message.Response{Status: r.status}
	if resp.Status == 0 {
		resp.Status = http.StatusOK
	}
	names := make([]string, 0, len(r.header))
	for name := range r.header {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		for _, v := range r.header[name] {
			if filter.ValidFieldValue(v) { // names of files may hold anything
				resp.Header.Add(name, v)
			}
		}
	}
	switch {
	case r.body != nil:
		resp.SetBody(r.body, r.body.left)
	case method == http.MethodHead:
		resp.ContentLength = r.length()
	case r.text.Len() > 0:
		resp.SetBody(&r.text, int64(r.text.Len()))
	}
	return resp
}

// length is what a GET would have got, if that is known.
func (r *recorder) length() int64 {
	n, err := strconv.ParseInt(r.header.Get("Content-Length"), 10, 64)
	if err != nil {
		return int64(r.text.Len())
	}
	return n
}
