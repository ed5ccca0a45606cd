package durable

import (
	"os"
	"path/filepath"

	"golang.org/x/sys/windows"
)

// MoveFileEx without MOVEFILE_REPLACE_EXISTING fails where the name is taken.
// It takes paths: where there are no hard links, which is not NTFS, a folder
// that becomes a link within the call is followed.
func renameNew(root *os.Root, from, to string) error {
	f, err := windows.UTF16PtrFromString(filepath.Join(root.Name(), from))
	if err != nil {
		return err
	}
	t, err := windows.UTF16PtrFromString(filepath.Join(root.Name(), to))
	if err != nil {
		return err
	}
	return windows.MoveFileEx(f, t, windows.MOVEFILE_WRITE_THROUGH)
}
