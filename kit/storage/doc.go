// Package storage keeps small values by key: certificates with their keys, an
// account, whatever a process must find again after a restart, or share with
// other processes.
//
//	f := storage.Folder("/var/lib/fairlead/acme")
//	unlock, err := f.Lock(ctx, "example.org")
//	err = f.Store(ctx, "certificates/example.org.pem", text)
//	err = unlock(ctx)
//
// The walk: Storage is the contract, Folder the implementation in files. A key
// is a path of plain names (CheckKey); Folder writes a value into a file beside
// its place and renames it, so that a reader finds the old value or the new one,
// never half of one, also after a crash. A lock is a file that the kernel locks
// (flock): it ends with the process that holds it, however that ends.
//
// It promises: files are 0600 and folders 0700, because values may be secret;
// no value is longer than MaxValue; no key leaves the folder; locks exclude
// processes and also goroutines of one process. Errors name the key and the
// file, never a value.
//
// It does not encrypt, and it keeps no history. Locks of a folder on a network
// file system are as good as that file system's.
//
// Every implementation passes the suite of package storagetest.
//
// Start reading at Storage, then Folder.
package storage
