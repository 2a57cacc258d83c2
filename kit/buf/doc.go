// Package buf lends memory in a few sizes. The engine takes a buffer when there
// is something to put into it and gives it back as soon as it is empty, so that
// a handful of cache-hot buffers serve all connections.
//
// Start reading at Get.
package buf
