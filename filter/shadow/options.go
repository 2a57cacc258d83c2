package shadow

import (
	"time"

	"fairlead.dev/fairlead/option"
)

// Values are the settings of shadows.
type Values struct {
	Buffer      int64         `flag:"shadow-buffer" doc:"bytes of a body that may wait for its shadow, the copy that tee and its kin send; a shadow that is slower is cut"`
	Memory      int64         `flag:"shadow-max-memory" doc:"bytes that may wait for all shadows together"`
	Most        int           `flag:"shadow-max" doc:"most shadows at a time; further requests have none"`
	MostPerHost int           `flag:"shadow-max-per-host" doc:"most shadows at a time to one host"`
	Timeout     time.Duration `flag:"shadow-timeout" doc:"time for a shadow, from its first byte to the end of its answer"`
	Credentials []string      `flag:"shadow-credentials-hosts" doc:"hosts whose shadows get Authorization, Cookie and other credentials; *.example.org for all below, all for every host"`
}

// Options are the settings of shadows.
var Options = option.Define("shadow", Values{
	Buffer: 1 << 20, Memory: 64 << 20, Most: 512, MostPerHost: 128, Timeout: 30 * time.Second,
})
