// Package remote is the source of routes behind URLs (-routes-urls).
//
// The walk: at each look the URL is asked with the entity tag of its last
// answer; 304 means that nothing changed. Another answer is parsed while it
// arrives (source.Document): neither the whole text nor a temporary file is
// kept, and definitions that stayed the same are not parsed again. Compressed
// answers are accepted.
//
// It promises that an answer which is late, too long, cut off, of another
// status or no route document at all harms nothing: the last good routes keep
// serving and the error says what is the matter. This holds at the start, too:
// the URL is tried again, and the process is not ready until it answered.
// Skipper ends instead (spec 1.7).
//
// What the URL carries beside host and path, user information and query, is not
// shown in errors and logs.
//
// Start reading at remote.Routes.
package remote
