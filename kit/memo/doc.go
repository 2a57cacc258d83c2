// Package memo remembers the results of lookups that cost time, such as asking a
// service about a token.
//
// The walk: Get finds a remembered result, joins a lookup of the same key that is
// under way, or begins one in a goroutine of the Memo and waits for it.
//
// It promises: a key is looked up once at a time, however many ask; who stops
// waiting does not end the lookup for the others; a result is forgotten when the
// lookup said so, and no more than Size are kept, of which the one that was not
// used for longest goes first; errors are not remembered. No more than
// MaxLookups are under way; Close ends them and waits.
//
// It does not know what it remembers: results are shared, and who gets one must
// not change it.
//
// Start reading at Memo.Get.
package memo
