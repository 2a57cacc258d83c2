// Package token holds the predicates on what a bearer token says about itself:
// JWTPayloadAnyKV and JWTPayloadAllKV compare claims with texts, their twins with
// expressions.
//
// Nobody has verified the token when a route is chosen: anyone can write one that
// matches. Such a predicate may choose where a request goes; who may pass is for
// the filters of the route to say. A claim that is no string matches nothing, and
// neither does a token that cannot be read.
//
// Start reading at payload.
package token
