// Package exchange is the contract between the proxy and the engines that speak
// HTTP: http1, http2 and http3.
//
// One request and its answer are an exchange. The engine on the client's side
// gives the proxy a Downstream, the engine on the backend's side an Upstream;
// the proxy joins them and knows no protocol. What they pass to each other are
// message.Request and message.Response, bodies (Body) and, after an upgrade, the
// two ends of a tunnel (Pipe).
//
// What it promises: the contract has no behaviour of its own but for the texts of
// errors and the defaults of Limits. What it does not do: no I/O.
//
// Start reading at Downstream and Upstream.
package exchange
