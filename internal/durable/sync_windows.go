package durable

// SyncDir does nothing: Windows has no handle that syncs a folder, and NTFS
// journals changes of names.
func SyncDir(string) error { return nil }
