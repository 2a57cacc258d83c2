package cache

import (
	"time"

	"fairlead.dev/fairlead/option"
)

// Values are the settings of the cache.
type Values struct {
	Size     int64         `flag:"cache-size" doc:"bytes of memory for the responses that the filter cache keeps, all routes together; a quarter more may go to those on their way"`
	MaxEntry int64         `flag:"cache-max-entry" doc:"largest response that is kept, in bytes; no more than a sixteenth of -cache-size"`
	Wait     time.Duration `flag:"cache-collapse-wait" doc:"how long a request waits for another one under way that may bring the same response; 0: never"`
	Renewals int           `flag:"cache-max-renewals" doc:"most responses that are renewed in the background at a time"`
}

// Options are the settings of the cache.
var Options = option.Define("cache", Values{
	Size: 64 << 20, MaxEntry: 4 << 20, Wait: 2 * time.Second, Renewals: 64,
})
