package forward

import (
	"strings"

	"fairlead.dev/fairlead/arg"
	"fairlead.dev/fairlead/filter"
)

var _ = filter.Define(filter.Def{
	Name:      "setFastCgiFilename",
	Params:    []arg.Param{{Name: "file", Type: arg.Text}},
	Doc:       "names the file that a fastcgi backend runs, on the machine of the backend: SCRIPT_FILENAME; without the filter it is index.php",
	Example:   `php: * -> setFastCgiFilename("/srv/www/index.php") -> "fastcgi://127.0.0.1:9000";`,
	Differs:   "The program sees the Host that the client sent, unless preserveHost or a filter says otherwise: Skipper shows it the backend's address. What a program writes to its standard error is logged; Skipper answers 502, although warnings of PHP go there. A path that begins with the name of the file has the rest as PATH_INFO (RFC 3875 4.1.5). The field Proxy, and fields whose names have other characters than letters, digits and dashes, do not become parameters: programs would take HTTP_PROXY for a setting, and X_A for X-A.",
	Shareable: true,
	New: func(v arg.Values, _ *filter.Env) (filter.Filter, error) {
		name := v.Text(0)
		if name == "" || strings.HasSuffix(name, "/") || strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			return nil, v.Wrong(0, "found %q, expected the name of a file, such as /srv/www/index.php", name)
		}
		return &setScript{name: name}, nil
	},
})

type setScript struct {
	filter.RequestOnly
	name string
}

func (f *setScript) Request(c *filter.Context) { c.Upstream.Script = f.name }
