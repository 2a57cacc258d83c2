package static

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"strings"

	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/filter"
	"fairlead.dev/fairlead/message"
)

var _ = filter.Define(filter.Def{
	Name: "static",
	Params: []arg.Param{
		{Name: "prefix", Type: arg.Text},
		{Name: "directory", Type: arg.Text},
	},
	Doc:     "answers with the files of a directory; the prefix is cut off the path",
	Example: `PathSubtree("/docs") -> static("/docs", "/tmp") -> <shunt>`,
	Differs: "No symbolic link leads out of the folder and only regular files are served: who may write there must not read the rest of the disk. Several ranges are answered with the whole file: many small ones are an attack (RFC 9110 14.2 allows it).",
	New: func(v arg.Values, _ *filter.Env) (filter.Filter, error) {
		dir := v.Text(1)
		if err := checkDirectory(dir); err != nil {
			return nil, fmt.Errorf("directory %q: %w", dir, err)
		}
		return &static{files: http.StripPrefix(v.Text(0), http.FileServer(directory{dir, mostListed}))}, nil
	},
})

func checkDirectory(dir string) error {
	info, err := os.Stat(dir)
	var pe *fs.PathError
	switch {
	case errors.As(err, &pe):
		return pe.Err // the name is in our own message
	case err != nil:
		return err
	case !info.IsDir():
		return errors.New("it is a file, expected a directory")
	}
	return nil
}

type static struct {
	filter.RequestOnly
	files http.Handler
}

// asked are the fields of a request that the file server looks at.
var asked = [...]string{
	"If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since", "If-Range", "Range",
}

func (f *static) Request(c *filter.Context) {
	// The strings outlive the exchange in names of opened files.
	r := &http.Request{
		Method: c.Request.Method,
		URL:    &url.URL{Path: strings.Clone(c.Request.Path), RawQuery: message.EscapeQuery(c.Request.Query)},
		Header: http.Header{},
	}
	for _, name := range asked {
		for v := range c.Request.Header.Values(name) {
			r.Header.Add(name, v)
		}
	}
	if strings.Contains(r.Header.Get("Range"), ",") {
		// The file server would write the parts into a pipe, from a goroutine of
		// its own; a server may answer with the whole (RFC 9110 14.2).
		r.Header.Del("Range")
	}
	var rec recorder
	f.files.ServeHTTP(&rec, r)
	c.Serve(rec.response(r.Method))
}
