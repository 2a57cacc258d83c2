package proxy

import (
	"time"

	"fairlead.dev/fairlead/option"
)

// Values are the options of the proxy (spec 1.8: core listener, backend
// transport).
type Values struct {
	Address             string        `flag:"address" doc:"where the proxy listens"`
	InsecureAddress     string        `flag:"insecure-address" doc:"where the proxy listens without TLS, beside -address with it"`
	H2C                 bool          `flag:"enable-h2c-server" doc:"speak HTTP/2 without TLS with clients that begin with it, or ask for h2c"`
	HTTPSRedirect       bool          `flag:"https-redirect" doc:"send clients that come without TLS to https"`
	HTTPSRedirectCode   int           `flag:"https-redirect-code" doc:"status of these answers"`
	HTTPSRedirectPort   int           `flag:"https-redirect-port" doc:"port of https, as clients see it"`
	HTTP2MaxStreams     int           `flag:"http2-max-streams" doc:"most requests at a time on an HTTP/2 connection of a client"`
	DefaultStatus       int           `flag:"default-http-status" doc:"status of requests that no route matches"`
	IgnoreTrailingSlash bool          `flag:"ignore-trailing-slash" doc:"/a and /a/ are the same path"`
	PatchPath           bool          `flag:"rfc-patch-path" doc:"keep reserved characters that clients encoded, such as %2F, when paths are matched and changed"`
	PreserveHost        bool          `flag:"proxy-preserve-host" doc:"send the client's Host to the backend instead of the backend's own address"`
	MaxLoopbacks        int           `flag:"max-loopbacks" doc:"how often a request may be routed again by <loopback>"`
	MaxInner            int           `flag:"max-inner-exchanges" doc:"most requests of Fairlead's own (shadows, fallbacks, renewals of the cache) on their way through the routes at a time"`
	NormalizeHost       bool          `flag:"normalize-host" doc:"match hosts in lower case, without port and trailing dot"`
	ValidateQuery       bool          `flag:"validate-query" doc:"answer 400 to requests with a malformed query"`
	ValidateQueryLog    bool          `flag:"validate-query-log" doc:"log requests with a malformed query"`
	RefusePayload       []string      `flag:"refuse-payload" repeat:"true" doc:"answer 400 to requests whose head contains this text"`
	MaxContentLength    int64         `flag:"max-content-length" doc:"answer 413 to requests with a longer body, in bytes; 0: no limit"`
	Forwarded           []string      `flag:"forwarded-headers" doc:"X-Forwarded-* fields to set: X-Forwarded-For, X-Forwarded-Host, X-Forwarded-Method, X-Forwarded-Uri, X-Forwarded-Port=<port|auto>, X-Forwarded-Proto=<http|https|auto>"`
	ForwardedExclude    []string      `flag:"forwarded-headers-exclude-cidrs" doc:"networks of clients for which no X-Forwarded-* field is set"`
	TrustedProxies      []string      `flag:"trusted-proxies" doc:"networks of clients, such as load balancers, whose X-Forwarded-*, Forwarded, X-Real-IP and like fields are believed; of all others they are dropped; private: loopback, link-local and private networks; all; none"`
	DynamicAllow        []string      `flag:"dynamic-backend-allow" doc:"networks and host names (*.example.org for all below) that requests may choose as <dynamic> backends although they are loopback, link-local, metadata services or ports of this process"`
	RemoveHopHeaders    bool          `flag:"remove-hop-headers" doc:"drop Proxy-Authenticate and Proxy-Authorization too; all other connection fields are never forwarded"`
	Upgrade             bool          `flag:"experimental-upgrade" doc:"allow WebSocket and other protocol upgrades"`
	UpgradeDialTimeout  time.Duration `flag:"upgrade-dial-timeout" doc:"time to connect to a backend for an upgrade, if less than -timeout-backend; 0: as for all others"`
	TunnelIdle          time.Duration `flag:"tunnel-idle-timeout" doc:"an upgraded connection through which nothing passes for so long is ended; 0: no limit"`
	MaxHeaderBytes      int           `flag:"max-header-bytes" doc:"largest request head in bytes; more is answered 431"`
	MaxHeaderFields     int           `flag:"max-header-fields" doc:"most header fields of a request; more is answered 431"`
	MaxTargetBytes      int           `flag:"max-uri-bytes" doc:"longest request target in bytes; more is answered 414"`
	ReadHeaderTimeout   time.Duration `flag:"read-header-timeout-server" doc:"time for a client to send the head of a request"`
	MinBodyRate         int           `flag:"min-body-rate" doc:"bytes a second of a request's body that have to come while they are waited for, after 10 s; 0: any rate"`
	ReadTimeout         time.Duration `flag:"read-timeout-server" doc:"time for a client to send the body of a request"`
	WriteTimeout        time.Duration `flag:"write-timeout-server" doc:"a response must make progress within this time"`
	IdleTimeout         time.Duration `flag:"idle-timeout-server" doc:"how long a client connection may stay idle between requests"`
	KeepAliveServer     time.Duration `flag:"keepalive-server" doc:"longest life of a client connection; 0: no limit"`
	KeepAliveRequests   int           `flag:"keepalive-requests-server" doc:"most requests of a client connection; 0: no limit"`

	BackendTimeout   time.Duration `flag:"timeout-backend" doc:"time to connect to a backend"`
	TLSTimeout       time.Duration `flag:"tls-timeout-backend" doc:"time for the TLS handshake with a backend"`
	ResponseTimeout  time.Duration `flag:"response-header-timeout-backend" doc:"time for a backend to begin its response"`
	ExpectTimeout    time.Duration `flag:"expect-continue-timeout-backend" doc:"time to wait for 100 Continue before the body is sent all the same"`
	KeepAliveBackend time.Duration `flag:"keepalive-backend" doc:"period of TCP keep-alive probes towards backends"`
	IdleConns        int           `flag:"idle-conns-num" doc:"most idle connections kept to one backend address; more are kept for a second"`
	MaxIdleConns     int           `flag:"max-idle-connection-backend" doc:"most idle connections kept in all; 0: no limit"`
	CloseIdlePeriod  time.Duration `flag:"close-idle-conns-period" doc:"connections to backends that were idle this long are closed"`
	HTTP2Backend     bool          `flag:"http2-backend" doc:"offer HTTP/2 to https backends, which choose; h2c backends get it in any case"`
	HTTP2Conns       int           `flag:"http2-connections-backend" doc:"most HTTP/2 connections to one backend address"`
	FastCGIKeepConn  bool          `flag:"fastcgi-keep-conn" doc:"keep connections to fastcgi backends for the next request; php-fpm holds a process for each, also while it is idle"`
	NoKeepAlives     bool          `flag:"disable-http-keepalives" doc:"use each connection to a backend once"`
	DualStack        bool          `flag:"enable-dualstack-backend" doc:"try IPv4 and IPv6 addresses of a backend together"`
	Insecure         bool          `flag:"insecure" doc:"do not verify the certificates of backends"`
	FlushInterval    time.Duration `flag:"backend-flush-interval" deprecated:"it has no effect, what arrives is passed on at once" doc:"has no effect: what arrives is passed on at once"`
	CopyStreamPool   bool          `flag:"enable-copy-stream-pool" deprecated:"it has no effect, buffers are always pooled" doc:"has no effect: buffers are always pooled"`

	HealthWait      time.Duration `flag:"wait-for-healthcheck-interval" doc:"time between SIGTERM and the end of listening, for load balancers to notice"`
	ShutdownTimeout time.Duration `flag:"shutdown-timeout" doc:"time for requests in flight to end before they are cut off"`
	StatusChecks    []string      `flag:"status-checks" doc:"URLs that must answer 200 before the proxy listens"`
}

// Options declares the options of the proxy.
var Options = option.Define("proxy", Values{
	Address:           ":9090",
	DefaultStatus:     404,
	TrustedProxies:    []string{"private"},
	HTTPSRedirectCode: 308,
	HTTPSRedirectPort: 443,
	HTTP2MaxStreams:   128,
	MaxLoopbacks:      9,
	MaxInner:          1024,
	ValidateQuery:     true,
	ValidateQueryLog:  true,
	MaxHeaderBytes:    1 << 20,
	MaxHeaderFields:   500,
	MaxTargetBytes:    64 << 10,
	ReadHeaderTimeout: time.Minute,
	ReadTimeout:       5 * time.Minute,
	WriteTimeout:      time.Minute,
	IdleTimeout:       time.Minute,
	TunnelIdle:        time.Hour,
	BackendTimeout:    time.Minute,
	TLSTimeout:        time.Minute,
	ResponseTimeout:   time.Minute,
	ExpectTimeout:     30 * time.Second,
	KeepAliveBackend:  30 * time.Second,
	IdleConns:         64,
	HTTP2Backend:      true,
	HTTP2Conns:        8,
	CloseIdlePeriod:   20 * time.Second,
	DualStack:         true,
	FlushInterval:     20 * time.Millisecond,
	HealthWait:        45 * time.Second,
	ShutdownTimeout:   30 * time.Second,
})
