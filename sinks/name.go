package sinks

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path"
	"strings"

	"github.com/kustash/kustash/pipeline"
)

// maxPart is the longest name of a folder or file, in bytes, that common file
// systems take. Object stores take 1,024 for the whole key.
const (
	maxPart = 255
	maxKey  = 1024
)

// fileName returns the name of an object without its folders:
//
//	<start>-<end>[-h<part>]-f<number>-<id>.<ext>
//
// The number counts from 1. The id keeps ledgers and queries apart that share
// a folder.
func fileName(f pipeline.File, ext string) string {
	var b strings.Builder
	b.WriteString(f.Slice.Window.FileName())
	if f.Slice.Part != "" {
		b.WriteString("-h" + encodePart(f.Slice.Part))
	}
	sum := sha256.Sum256([]byte(f.Lineage + "\x00" + f.Slice.Query.Address))
	fmt.Fprintf(&b, "-f%d-%s.%s", f.Number+1, hex.EncodeToString(sum[:4]), ext)
	return b.String()
}

// splitKey returns folder and extension of the key of an object that fileName
// has named.
func splitKey(key string) (folder, ext string, ok bool) {
	folder, name := path.Split(key)
	dash := strings.LastIndexByte(name, '-')
	id, ext, ok := strings.Cut(name[dash+1:], ".")
	return strings.TrimSuffix(folder, "/"), ext, ok && dash > 0 && len(id) == 8 && ext != ""
}

// CheckKey reports why no object can have this key: an empty part, "." or
// "..", a backslash or a control character would leave the root of a store, or
// mean different places in different stores.
func CheckKey(key string) error {
	if len(key) > maxKey {
		return fmt.Errorf("key of %d bytes, stores take %d", len(key), maxKey)
	}
	for part := range strings.SplitSeq(key, "/") {
		switch {
		case part == "":
			return fmt.Errorf("key %q has an empty part", key)
		case part == "." || part == "..":
			return fmt.Errorf("key %q would leave its folder", key)
		case len(part) > maxPart:
			return fmt.Errorf("name of %d bytes in key %.60q…, file systems take %d; shorten what the layout names", len(part), key, maxPart)
		}
	}
	for _, r := range key {
		if r == '\\' || r < ' ' || r == 0x7f {
			return fmt.Errorf("key %q has the character %q", key, r)
		}
	}
	return nil
}

// hidden reports whether a part of the key says that the object is not data.
func hidden(key string) bool {
	for part := range strings.SplitSeq(key, "/") {
		if strings.HasPrefix(part, "_") {
			return true
		}
	}
	return false
}

// encodePart percent-encodes what is not A-Z, a-z, 0-9, "_", "." or "-". A
// leading "_" or "." would hide the data from readers, a trailing "." is lost
// on Windows and in Azure, and device names cannot be files on Windows: there
// one character more is encoded. Different texts stay different.
func encodePart(s string) string {
	if s == "" {
		return "%22%22" // as the address has it: ""
	}
	const hexDigits = "0123456789ABCDEF"
	device := isDevice(s)
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		first, last := i == 0, i == len(s)-1
		plain := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' ||
			c == '_' && !first || c == '.' && !first && !last
		if plain && !(device && first) {
			b.WriteByte(c)
			continue
		}
		b.WriteByte('%')
		b.WriteByte(hexDigits[c>>4])
		b.WriteByte(hexDigits[c&15])
	}
	return b.String()
}

// isDevice reports whether Windows takes a file of this name for a device,
// whatever follows the first dot:
// https://learn.microsoft.com/windows/win32/fileio/naming-a-file
func isDevice(s string) bool {
	name, _, _ := strings.Cut(strings.ToUpper(s), ".")
	switch name {
	case "CON", "PRN", "AUX", "NUL":
		return true
	}
	return len(name) == 4 && (name[:3] == "COM" || name[:3] == "LPT") && '0' <= name[3] && name[3] <= '9'
}
