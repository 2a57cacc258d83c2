// Package circuit keeps calls from somebody who fails, for a time: a circuit
// breaker.
//
// # The walk
//
// A Breaker begins closed: all calls are allowed. It opens when so many fail in a row,
// or so many of the last ones: none is allowed. After a timeout it is half open: so many
// may try, at the same time; when all of them succeed it closes, when one fails it
// opens again.
//
// # What it promises
//
//   - What began before the breaker changed its mind says nothing about now and is not
//     counted.
//   - A call that says nothing, because nobody waited for its end, gives its place
//     among those that try back.
//   - A breaker that has not seen a failure for its idle time has forgotten those
//     before.
//   - While calls succeed, a breaker that counts failures in a row takes no lock.
//
// It starts no goroutine: what time changes is found out by the next call.
//
// Start reading at Breaker.Allow.
package circuit
