// Package usage holds the filter that counts how an API is used: by path template,
// method and status, and by client.
//
// # The walk
//
// The arguments of apiUsageMonitoring are JSON objects (config.go); each path template
// becomes an expression and the beginning of its keys (template.go). The response
// phase finds the template of the request's path and counts under
//
//	apiUsageMonitoring.custom.<application>.<tag>.<api>.<method>.<template>.*.*.<what>
//	apiUsageMonitoring.custom.<application>.<tag>.<api>.*.*.<realm>.<client>.<what>
//
// What is http_count, http1xx_count to http5xx_count and latency, for clients
// latency_sum. Realm and client are claims of the bearer token (who.go).
//
// # What it promises
//
//   - Clients do not decide how many keys there are: what they say is counted for at
//     most 500 realms and clients in the process, and the rest together.
//   - Templates are matched in linear time.
//
// It does not verify tokens: that is the business of the filters before it. What it
// counts is what clients claim.
//
// Start reading at usage.go.
package usage
