package main

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"path"
	"path/filepath"
	"strings"
)

// location is where a reader finds the files of a sink.
type location struct {
	kind string
	// root is the absolute folder with slashes, the address of the account such
	// as https://acct.blob.core.windows.net, or the name of the bucket.
	root      string
	account   string // of a blobPlace
	container string // of a blobPlace
	prefix    string // before each key, without slashes at its ends
}

// Kinds of places.
const (
	folderPlace = "folder"
	blobPlace   = "blob"
	s3Place     = "s3"
)

// placeOf returns the place of a declared sink by its identity, which is the
// kind and the place as written. A kind whose addresses are not known to mean
// what they seem to is an error.
func placeOf(dir, identity string) (location, error) {
	kind, where, _ := strings.Cut(identity, ":")
	switch {
	case kind == "local":
		return placeAt(inDir(dir, filepath.FromSlash(where)))
	case kind == "azure_blob" && strings.Contains(where, "://"), kind == "s3" && strings.HasPrefix(where, "s3://"):
		return placeAt(where)
	}
	return location{}, fmt.Errorf("%s is no address that connect knows; say with -root where the reader finds the files", identity)
}

// placeAt reads a folder or an address.
func placeAt(text string) (location, error) {
	if !strings.Contains(text, "://") {
		folder, err := filepath.Abs(text)
		return location{kind: folderPlace, root: strings.TrimSuffix(filepath.ToSlash(folder), "/")}, err
	}
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return location{}, errors.New("write https://ACCOUNT.blob.core.windows.net/CONTAINER/PREFIX or s3://BUCKET/PREFIX, without a token or key")
	case u.Scheme == "s3":
		return location{kind: s3Place, root: u.Host, prefix: strings.Trim(u.Path, "/")}, nil
	case u.Scheme != "https" && u.Scheme != "http":
		return location{}, fmt.Errorf("%s is none of https and s3", u.Scheme)
	}
	p := location{kind: blobPlace, root: u.Scheme + "://" + u.Host}
	rest := strings.Trim(u.Path, "/")
	if net.ParseIP(u.Hostname()) != nil || u.Hostname() == "localhost" { // an emulator
		p.account, rest, _ = strings.Cut(rest, "/")
		p.root += "/" + p.account
	} else {
		p.account, _, _ = strings.Cut(u.Hostname(), ".")
	}
	if p.container, p.prefix, _ = strings.Cut(rest, "/"); p.container == "" {
		return location{}, errors.New("name the container behind the account: https://ACCOUNT.blob.core.windows.net/CONTAINER")
	}
	return p, nil
}

// key returns a key with the prefix.
func (p location) key(key string) string { return path.Join(p.prefix, key) }

// blobURL returns the address of a blob over https; escaped, as addresses are,
// or with the plain name.
func (p location) blobURL(key string, escaped bool) string {
	name := p.container + "/" + p.key(key)
	if escaped {
		name = (&url.URL{Path: name}).EscapedPath()
	}
	return p.root + "/" + name
}

// lakeURL returns the address of a blob as Hadoop's driver wants it: the
// endpoint of the same account for file systems.
// https://learn.microsoft.com/azure/storage/blobs/data-lake-storage-introduction-abfs-uri
func (p location) lakeURL(key string) string {
	_, host, _ := strings.Cut(p.root, "://")
	host = strings.Replace(host, ".blob.", ".dfs.", 1)
	return "abfss://" + p.container + "@" + host + "/" + p.key(key)
}

// errNotThere says that a reader of a cloud sees no folder of this machine.
func errNotThere(title string) error {
	return fmt.Errorf("%s sees no folder of this machine; take another sink with -sink, or, if the files have been copied, say with -root where they are", title)
}
