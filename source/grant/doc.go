// Package grant is the source of one route: the callback of the OAuth 2 grant flow,
// for all hosts, when -enable-oauth2-grant-flow is on.
//
// The route has no default filters (route.Compiler.Bare): what they ask for, such
// as a login, cannot be there yet.
//
// It promises that the route is there from the start and never changes. It does not
// complete logins: that is the filter grantCallback.
//
// Start reading at callback.
package grant
